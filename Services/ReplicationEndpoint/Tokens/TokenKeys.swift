import Crypto
import CryptoExtras
import Foundation
import Settings

/// The keys that bearer tokens are signed with, each bound to the one algorithm that it is for.
///
/// A token says its algorithm, and it is the attacker who writes it: it chooses among the keys of that algorithm and
/// never what a key is used for, so that a public key is no secret of an HMAC.
struct TokenKeys: Sendable {
    private enum Key: Sendable {
        case hs256(SymmetricKey)
        case rs256(_RSA.Signing.PublicKey)
        case es256(P256.Signing.PublicKey)
        case es384(P384.Signing.PublicKey)
        case edDSA(Curve25519.Signing.PublicKey)

        var algorithm: String {
            switch self {
            case .hs256: "HS256"
            case .rs256: "RS256"
            case .es256: "ES256"
            case .es384: "ES384"
            case .edDSA: "EdDSA"
            }
        }
    }

    /// The least length of a secret (RFC 7518, section 3.2), in bytes.
    static let shortestSecret = 32

    private var keys: [Key] = []

    /// Whether there are none, so that no token is taken.
    var isEmpty: Bool { keys.isEmpty }

    /// Adds the secret of HS256, at least ``shortestSecret`` bytes.
    mutating func add(secret: Secret) {
        keys.append(.hs256(SymmetricKey(data: Array(secret.reveal().utf8))))
    }

    /// Adds the public keys of a PEM text: RSA for RS256, P-256 for ES256, P-384 for ES384, Ed25519 for EdDSA.
    ///
    /// - Throws: ``UnusableKey`` when there is none, or one that is something else.
    mutating func add(publicKeys pem: String) throws(UnusableKey) {
        let blocks = Self.blocks(of: pem)
        guard !blocks.isEmpty else { throw UnusableKey(reason: "there is no PEM block in it") }
        for block in blocks { keys.append(try Self.key(block)) }
    }

    /// Whether one of the keys of the algorithm has signed that.
    func haveSigned(_ message: [UInt8], signature: [UInt8], algorithm: String) -> Bool {
        keys.contains { $0.algorithm == algorithm && Self.isValid(signature, of: message, $0) }
    }

    private static func isValid(_ signature: [UInt8], of message: [UInt8], _ key: Key) -> Bool {
        switch key {
        case .hs256(let secret):
            HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: message, using: secret)
        case .rs256(let key):
            key.isValidSignature(
                _RSA.Signing.RSASignature(rawRepresentation: signature),
                for: SHA256.hash(data: message),
                padding: .insecurePKCS1v1_5
            )
        case .es256(let key):
            (try? P256.Signing.ECDSASignature(rawRepresentation: signature))
                .map { key.isValidSignature($0, for: message) } ?? false
        case .es384(let key):
            (try? P384.Signing.ECDSASignature(rawRepresentation: signature))
                .map { key.isValidSignature($0, for: message) } ?? false
        case .edDSA(let key): key.isValidSignature(signature, for: message)
        }
    }

    // MARK: - Reading

    private static func blocks(of pem: String) -> [(label: String, text: String)] {
        var blocks: [(String, String)] = []
        var lines: [Substring] = []
        for line in pem.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("-----BEGIN ") { lines = [] }
            lines.append(line)
            guard line.hasPrefix("-----END "), let first = lines.first, first.hasPrefix("-----BEGIN ") else { continue }
            let label = first.dropFirst("-----BEGIN ".count).prefix { $0 != "-" }
            blocks.append((String(label), lines.joined(separator: "\n")))
        }
        return blocks
    }

    private static func key(_ block: (label: String, text: String)) throws(UnusableKey) -> Key {
        guard block.label == "PUBLIC KEY" || block.label == "RSA PUBLIC KEY" else {
            throw UnusableKey(reason: "there is a '\(block.label)' in it, which is no public key")
        }
        if let key = edwardsKey(block.text) { return .edDSA(key) }
        if let key = try? P256.Signing.PublicKey(pemRepresentation: block.text) { return .es256(key) }
        if let key = try? P384.Signing.PublicKey(pemRepresentation: block.text) { return .es384(key) }
        // Refuses keys of less than 2048 bits.
        if let key = try? _RSA.Signing.PublicKey(pemRepresentation: block.text) { return .rs256(key) }
        throw UnusableKey(
            reason: "there is a key in it that is neither RSA (2048 bits at least), P-256, P-384 nor Ed25519"
        )
    }

    /// What stands before an Ed25519 key's 32 bytes in its SubjectPublicKeyInfo (RFC 8410, section 4).
    private static let edwardsPrefix: [UInt8] = [
        0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00,
    ]

    private static func edwardsKey(_ pem: String) -> Curve25519.Signing.PublicKey? {
        let base64 = pem.split(whereSeparator: \.isNewline).dropFirst().dropLast().joined()
        guard let bytes = Data(base64Encoded: base64), bytes.starts(with: edwardsPrefix) else { return nil }
        return try? Curve25519.Signing.PublicKey(rawRepresentation: bytes.dropFirst(edwardsPrefix.count))
    }
}

/// A key that tokens cannot be checked with.
struct UnusableKey: Error, Hashable, Sendable {
    let reason: String
}
