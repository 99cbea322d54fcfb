import Crypto
import CryptoExtras
import Foundation

/// A password as it is stored: scrypt (RFC 7914) with a salt and parameters of its own.
///
/// Its text is `$scrypt$ln=14,r=8,p=5$salt$hash`, the last two in Base64.
package struct PasswordHash: Hashable, Sendable {
    /// How much work a guess costs.
    package struct Cost: Hashable, Sendable {
        /// The binary logarithm of scrypt's N.
        package var logarithm: Int
        /// scrypt's r; a guess needs 128 · N · r bytes at a time.
        package var blockSize: Int
        /// scrypt's p.
        package var parallelism: Int

        package init(logarithm: Int, blockSize: Int, parallelism: Int) {
            self.logarithm = logarithm
            self.blockSize = blockSize
            self.parallelism = parallelism
        }

        /// One of the settings that OWASP's password storage cheat sheet names, the one that needs the least memory.
        package static let standard = Cost(logarithm: 14, blockSize: 8, parallelism: 5)

        /// What is computed at all: more in a row of the table is a mistake, and would stand in the way of others.
        var isBearable: Bool { 1...17 ~= logarithm && 1...16 ~= blockSize && 1...16 ~= parallelism }
    }

    private static let saltLength = 16
    private static let length = 32

    package let cost: Cost
    private let salt: [UInt8]
    private let bytes: [UInt8]

    /// The hash of a password with a salt of its own; takes its time.
    package init(_ password: String, cost: Cost = .standard) throws {
        let salt = SymmetricKey(size: SymmetricKeySize(bitCount: Self.saltLength * 8)).withUnsafeBytes { Array($0) }
        self.cost = cost
        self.salt = salt
        bytes = try Self.derive(password, salt, cost)
    }

    /// A hash as it was stored; nil when the text is none.
    package init?(text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt" else { return nil }
        let numbers = parts[2].split(separator: ",").map { $0.split(separator: "=") }
        guard numbers.allSatisfy({ $0.count == 2 }), numbers.map({ $0[0] }) == ["ln", "r", "p"] else { return nil }
        let values = numbers.compactMap { Int($0[1]) }
        guard values.count == 3, let salt = Data(base64Encoded: String(parts[3])),
            let bytes = Data(base64Encoded: String(parts[4])), bytes.count == Self.length
        else { return nil }
        cost = Cost(logarithm: values[0], blockSize: values[1], parallelism: values[2])
        guard cost.isBearable else { return nil }
        self.salt = Array(salt)
        self.bytes = Array(bytes)
    }

    /// The text that is stored.
    package var text: String {
        let parameters = "ln=\(cost.logarithm),r=\(cost.blockSize),p=\(cost.parallelism)"
        return "$scrypt$\(parameters)$\(Data(salt).base64EncodedString())$\(Data(bytes).base64EncodedString())"
    }

    /// Whether it is the hash of that password; takes the same time for every wrong one.
    package func matches(_ password: String) throws -> Bool {
        let other = try Self.derive(password, salt, cost)
        return zip(bytes, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func derive(_ password: String, _ salt: [UInt8], _ cost: Cost) throws -> [UInt8] {
        let key = try KDF.Scrypt.deriveKey(
            from: Array(password.utf8),
            salt: salt,
            outputByteCount: length,
            rounds: 1 << cost.logarithm,
            blockSize: cost.blockSize,
            parallelism: cost.parallelism
        )
        return key.withUnsafeBytes { Array($0) }
    }
}
