import Contracts
import ControlStore
import CouchProtocol
import Crypto
import DocumentStore
import JSON
import Logging
import Messaging
import Projects
import Synchronization

/// Finds out who a name and a password belong to: the administrator, or a user of the project's login sequence.
final class Login: Sendable {
    private let administrator: Administrator
    private let catalogue: ProjectCatalogue
    private let sequences: SequenceCaller
    private let store: DocumentStore
    private let timeout: Duration
    private let logger: Logger
    /// Which credentials were found right a moment ago, as keyed digests: the key dies with the process.
    private let remembered = Mutex<[HMAC<SHA256>.MAC: Remembered]>([:])
    private let key = SymmetricKey(size: .bits256)

    private struct Remembered {
        let user: String
        let until: ContinuousClock.Instant
    }

    /// How long right Basic credentials are taken again without asking the login sequence.
    private static let memory = Duration.seconds(30)
    private static let memoryLimit = 10_000

    init(
        administrator: Administrator,
        catalogue: ProjectCatalogue,
        sequences: SequenceCaller,
        store: DocumentStore,
        timeout: Duration,
        logger: Logger
    ) {
        self.administrator = administrator
        self.catalogue = catalogue
        self.sequences = sequences
        self.store = store
        self.timeout = timeout
        self.logger = logger
    }

    /// Who authenticated.
    struct Authenticated: Sendable {
        let user: String
        let isAdministrator: Bool
    }

    /// Whose credentials these are.
    ///
    /// - Throws: `unauthorized` when they are nobody's; 503 when the login sequence could not answer.
    func authenticate(name: String, password: String) async throws -> Authenticated {
        if administrator.accepts(name: name, password: password) {
            return Authenticated(user: name, isAdministrator: true)
        }
        // Nobody but the administrator may have the administrator's name, whatever a back end says.
        guard name != administrator.name else { throw Self.refused }
        let user = try await runLoginSequence(name: name, password: password)
        guard user != administrator.name else { throw Self.refused }
        return Authenticated(user: user, isAdministrator: false)
    }

    /// Like ``authenticate(name:password:)``, for credentials that come with every request: right ones are remembered
    /// for a short while.
    func authenticateAgain(name: String, password: String) async throws -> Authenticated {
        if administrator.accepts(name: name, password: password) {
            return Authenticated(user: name, isAdministrator: true)
        }
        let digest = HMAC<SHA256>.authenticationCode(
            for: Array("\(name.utf8.count):\(name)\(password)".utf8),
            using: key
        )
        let known = remembered.withLock { $0[digest] }
        if let known, known.until > .now { return Authenticated(user: known.user, isAdministrator: false) }
        let authenticated = try await authenticate(name: name, password: password)
        remembered.withLock { remembered in
            if remembered.count >= Self.memoryLimit { remembered.removeAll() }
            remembered[digest] = Remembered(user: authenticated.user, until: .now + Self.memory)
        }
        return authenticated
    }

    private static let refused = CouchError.unauthorized("Name or password is incorrect.")

    private func runLoginSequence(name: String, password: String) async throws -> String {
        let projects = catalogue.current.values.filter { $0.project.login != nil }
        guard let deployed = projects.first, let sequence = deployed.project.login else { throw Self.refused }
        guard projects.count == 1 else {
            throw CouchError.unavailable("Several projects have a login sequence; one of them must be chosen.")
        }
        let answer: SequenceAnswer
        do {
            answer = try await sequences.call(
                sequence,
                of: deployed.project.name,
                variables: ["user": .string(name), "password": .string(password)],
                identity: .nobody,
                cause: .login,
                timeout: timeout
            )
        } catch let error as MessagingError {
            logger.warning("No worker answered a login", metadata: ["error": "\(error)"])
            throw CouchError.unavailable("The login cannot be checked at the moment. Try again.")
        }
        switch answer.outcome {
        case .succeeded(_, let identity):
            guard let user = identity.user else { throw Self.refused }
            return user
        case .failed(let failure) where failure.code == "unauthorized":
            throw Self.refused
        case .failed(let failure):
            logger.warning("The login sequence failed", metadata: ["code": "\(failure.code)"])
            throw CouchError.unavailable("The login cannot be checked at the moment. Try again.")
        }
    }
}
