import ControlStore
import CouchProtocol
import Crypto
import Foundation
import Synchronization

/// Finds out whose a name and a password are, as often as may be tried.
///
/// The administrator's are known here. A user of the built-in directory is known by the directory; everybody else by
/// the login sequence of the project, when there is one. A project that has a connector to the directory asks it by
/// itself: its login sequence then decides about everybody.
final class Login: Sendable {
    /// Who authenticated.
    struct Authenticated: Sendable {
        let user: String
        let isAdministrator: Bool
        /// The number of the password, when the user is in the built-in directory.
        let generation: Int64?
        /// What the login sequence's values for the session are kept under; nil when it was not asked.
        var login: UUID?
    }

    private typealias Credentials = HMAC<SHA256>.MAC

    /// The same guess by the same client.
    private struct Attempt: Hashable {
        let credentials: Credentials
        let address: [UInt8]
    }

    private struct Remembered {
        let authenticated: Authenticated
        let until: ContinuousClock.Instant
    }

    private let administrator: Administrator
    private let directory: Directory
    private let sequence: LoginSequence
    private let control: ControlStore
    private let gate: LoginGate
    /// Which credentials were found right a moment ago, as keyed digests: the key dies with the process.
    private let remembered = Mutex<[Credentials: Remembered]>([:])
    private let underway = Mutex<[Attempt: Task<Authenticated, any Error>]>([:])
    private let key = SymmetricKey(size: .bits256)

    /// How long right Basic credentials are taken again without asking.
    private static let memory = Duration.seconds(30)
    private static let memoryLimit = 10_000
    static let refused = CouchError.unauthorized("Name or password is incorrect.")

    init(
        administrator: Administrator,
        directory: Directory,
        sequence: LoginSequence,
        control: ControlStore,
        gate: LoginGate
    ) {
        self.administrator = administrator
        self.directory = directory
        self.sequence = sequence
        self.control = control
        self.gate = gate
    }

    /// Whether that is the administrator's name, or one that looks like it.
    func isAdministrator(_ name: String) -> Bool { name == administrator.name }

    /// Whose credentials these are.
    ///
    /// - Parameter isRepeated: For credentials that come with every request: whether right ones, which are remembered
    ///   for a short while, are still right. Nil to ask in any case.
    /// - Throws: `unauthorized` when they are nobody's; ``TooManyGuesses``; 503 when nobody could say.
    func authenticate(
        name: String,
        password: String,
        from client: ClientConnection,
        isRepeated: ((Authenticated) async throws -> Bool)? = nil
    ) async throws -> Authenticated {
        guard UserName.isUsable(name), password.utf8.count <= Password.longest else { throw Self.refused }
        let guesser = GuessThrottle.Guesser(user: name, address: client.address?.countedAs ?? [])
        try gate.check(guesser)
        let credentials = HMAC<SHA256>.authenticationCode(
            for: Array("\(name.utf8.count):\(name)\(password)".utf8),
            using: key
        )
        if let isRepeated, let known = recall(credentials), try await isRepeated(known) { return known }
        let attempt = Attempt(credentials: credentials, address: guesser.address)
        // A device opens several connections at once: what they all ask is asked once.
        let task = underway.withLock { underway in
            if let task = underway[attempt] { return task }
            let task = Task {
                defer { self.underway.withLock { $0[attempt] = nil } }
                let authenticated = try await self.gate.pass(guesser) {
                    try await self.look(name: name, password: password)
                }
                self.remember(authenticated, credentials)
                return authenticated
            }
            underway[attempt] = task
            return task
        }
        return try await task.value
    }

    private func look(name: String, password: String) async throws -> Authenticated {
        if administrator.accepts(name: name, password: password) {
            return Authenticated(user: name, isAdministrator: true, generation: nil)
        }
        // Nobody but the administrator may have the administrator's name, whatever a back end says.
        guard !isAdministrator(name) else { throw Self.refused }
        let source = try sequence.source()
        if source?.asksDirectory != true, let known = try await control.directoryUser(name) {
            guard try await directory.matches(password, known.password) else { throw Self.refused }
            return Authenticated(user: name, isAdministrator: false, generation: known.user.generation)
        }
        guard let source else {
            // The same work as for a user whom the directory has.
            _ = try await directory.matches(password, nil)
            throw Self.refused
        }
        let login = UUID()
        let user = try await sequence.run(source, name: name, password: password, as: login)
        guard UserName.isUsable(user), !isAdministrator(user) else { throw Self.refused }
        let generation = try await control.directoryGeneration(of: user)
        return Authenticated(user: user, isAdministrator: false, generation: generation, login: login)
    }

    private func recall(_ credentials: Credentials) -> Authenticated? {
        guard let known = remembered.withLock({ $0[credentials] }), known.until > .now else { return nil }
        return known.authenticated
    }

    private func remember(_ authenticated: Authenticated, _ credentials: Credentials) {
        remembered.withLock { remembered in
            if remembered.count >= Self.memoryLimit { remembered.removeAll() }
            remembered[credentials] = Remembered(authenticated: authenticated, until: .now + Self.memory)
        }
    }
}
