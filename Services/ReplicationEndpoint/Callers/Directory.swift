import ControlStore
import CouchProtocol

/// The passwords of the built-in directory, computed where they delay nobody else.
struct Directory: Sendable {
    let hasher: PasswordHasher

    /// Whether the password is the one of the hash; without a hash the same work is done, and the answer is no.
    func matches(_ password: String, _ hash: PasswordHash?) async throws -> Bool {
        do {
            return try await hasher.matches(password, hash)
        } catch is PasswordHasherIsBusy {
            throw Self.busy
        }
    }

    /// The hash of a new password.
    func hash(_ password: String) async throws -> PasswordHash {
        do {
            return try await hasher.hash(password)
        } catch is PasswordHasherIsBusy {
            throw Self.busy
        }
    }

    private static let busy = CouchError.unavailable("Too many logins are being checked. Try again.")
}
