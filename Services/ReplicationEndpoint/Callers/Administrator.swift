import Crypto
import Settings

/// The administrator's credentials (contract, section 1).
struct Administrator: Sendable {
    let name: String
    private let password: SHA256.Digest

    init(name: String, password: Secret) {
        self.name = name
        self.password = SHA256.hash(data: Array(password.reveal().utf8))
    }

    /// Whether these are the administrator's; takes the same time for every wrong password.
    func accepts(name: String, password: String) -> Bool {
        // Comparing digests compares all their bytes, whatever the passwords' lengths.
        let isRight = SHA256.hash(data: Array(password.utf8)) == self.password
        return name == self.name && isRight
    }
}
