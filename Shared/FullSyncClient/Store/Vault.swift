import CouchProtocol
import Crypto
import Foundation

/// Seals what documents, attachments and rows say before it goes to the disk, with the application's key; without a
/// key it passes through.
///
/// AES-GCM with a key of its own, which is derived from the application's. What the database searches by stays
/// readable; ``FullSyncClient`` says what that is.
struct Vault: Sendable {
    private let keys: Keys?

    private struct Keys: Sendable {
        let content: SymmetricKey
        let names: SymmetricKey
    }

    /// What a database proves its key with.
    private static let proof = Array("fullsync".utf8)
    /// How many bytes an application's key has at least.
    static let shortestKey = 16

    /// Without a key.
    static let open = Vault(keys: nil)

    private init(keys: Keys?) {
        self.keys = keys
    }

    /// - Throws: `bad_key` for a key that is too short.
    init(key: Data) throws(CouchError) {
        guard key.count >= Self.shortestKey else {
            throw CouchError(
                status: 400,
                error: "bad_key",
                reason: "The encryption key must have at least \(Self.shortestKey) bytes."
            )
        }
        let root = SymmetricKey(data: key)
        keys = Keys(content: Self.derived(root, "content"), names: Self.derived(root, "names"))
    }

    private static func derived(_ root: SymmetricKey, _ purpose: String) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: root,
            info: Data("fullsync device \(purpose)".utf8),
            outputByteCount: 32
        )
    }

    var isSealing: Bool { keys != nil }

    /// What goes to the disk.
    func sealed(_ bytes: some Collection<UInt8>) throws -> Data {
        guard let keys else { return Data(bytes) }
        guard let box = try AES.GCM.seal(Data(bytes), using: keys.content).combined else {
            preconditionFailure("a nonce of the standard length has a combined form")
        }
        return box
    }

    /// What was sealed.
    ///
    /// - Throws: `corrupt` when it is not what this key has sealed.
    func opened(_ data: Data) throws -> [UInt8] {
        guard let keys else { return Array(data) }
        do {
            return Array(try AES.GCM.open(AES.GCM.SealedBox(combined: data), using: keys.content))
        } catch {
            throw CouchError(status: 412, error: "corrupt", reason: "The device's database is damaged.")
        }
    }

    /// The name under which something of that digest is kept and found: with a key it says nothing of the thing.
    func name(_ digest: SHA256.Digest) -> Data {
        guard let keys else { return Data(digest) }
        return Data(HMAC<SHA256>.authenticationCode(for: Data(digest), using: keys.names))
    }

    /// What a new database keeps so that another key is noticed; nil without a key.
    func newProof() throws -> Data? {
        keys == nil ? nil : try sealed(Self.proof)
    }

    /// - Throws: `wrong_key`, `key_required` or `not_encrypted`.
    func check(_ proof: Data?) throws {
        switch (proof, keys) {
        case (nil, nil): return
        case (nil, _?):
            throw Self.mismatch("not_encrypted", "The database is not encrypted, and a key was given.")
        case (_?, nil):
            throw Self.mismatch("key_required", "The database is encrypted, and no key was given.")
        case (let proof?, _?):
            guard (try? opened(proof)) == Self.proof else {
                throw Self.mismatch("wrong_key", "The database was encrypted with another key.")
            }
        }
    }

    private static func mismatch(_ error: String, _ reason: String) -> CouchError {
        CouchError(status: 401, error: error, reason: reason)
    }
}
