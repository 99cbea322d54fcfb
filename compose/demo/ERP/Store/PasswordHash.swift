import Crypto
import CryptoExtras
import Foundation

/// A password as it is stored: PBKDF2 with SHA-256, a salt and a number of rounds of its own (RFC 8018).
struct PasswordHash: Hashable, Sendable {
    /// The rounds of the demo's technicians, of whom fifty are made at the first start.
    static let demoRounds = 50_000
    private static let length = 32

    let salt: [UInt8]
    let rounds: Int
    let bytes: [UInt8]

    /// A hash as it was stored.
    init(salt: [UInt8], rounds: Int, bytes: [UInt8]) {
        self.salt = salt
        self.rounds = rounds
        self.bytes = bytes
    }

    /// The hash of a password with that salt.
    init(_ password: String, salt: [UInt8], rounds: Int = demoRounds) {
        self.salt = salt
        self.rounds = rounds
        let key = try? KDF.Insecure.PBKDF2.deriveKey(
            from: Data(password.utf8),
            salt: salt,
            using: .sha256,
            outputByteCount: Self.length,
            unsafeUncheckedRounds: rounds
        )
        bytes = key?.withUnsafeBytes { Array($0) } ?? []
    }

    /// Whether it is the hash of that password; takes the same time for every wrong one.
    func matches(_ password: String) -> Bool {
        let other = PasswordHash(password, salt: salt, rounds: rounds)
        guard !other.bytes.isEmpty, other.bytes.count == bytes.count else { return false }
        return zip(bytes, other.bytes).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
