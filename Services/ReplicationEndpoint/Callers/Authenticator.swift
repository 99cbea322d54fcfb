import ControlStore
import CouchProtocol
import DocumentStore
import Foundation
import HTTPTypes
import Hummingbird
import JSON
import Synchronization
import Telemetry

/// Recognises the sender of a request by its cookie, its Basic credentials or its bearer token.
///
/// `Authorization` comes first: wrong credentials there are refused, whatever cookie comes with them.
final class Authenticator: Sendable {
    static let cookieName = "AuthSession"

    private let login: Login
    private let tokens: TokenVerifier
    private let control: ControlStore
    private let store: DocumentStore
    /// How long what was begun with a name and a password may go on.
    private let passwordLife: Duration
    private let sessions: RecentAnswers<Session?>
    private let users: RecentAnswers<Standing>
    private let claims = VerifiedTokens()

    /// What the stores say of a user.
    private struct Standing: Sendable {
        let groups: Set<ExactText>
        /// The number of the password, when the user is in the built-in directory.
        let generation: Int64?
    }

    init(
        login: Login,
        tokens: TokenVerifier,
        control: ControlStore,
        store: DocumentStore,
        passwordLife: Duration
    ) {
        self.login = login
        self.tokens = tokens
        self.control = control
        self.store = store
        self.passwordLife = passwordLife
        sessions = RecentAnswers { token in try await control.session(token: token) }
        users = RecentAnswers { name in
            async let groups = store.groups(of: name)
            async let generation = control.directoryGeneration(of: name)
            return Standing(groups: try await groups, generation: try await generation)
        }
    }

    /// Whether bearer tokens are taken at all.
    var takesTokens: Bool { !tokens.keys.isEmpty }

    /// Who sent the request.
    ///
    /// - Parameter needsSession: Whether a session that has ended is refused; else it is as none.
    /// - Throws: `unauthorized` when credentials came that are nobody's.
    func principal(
        of request: Request,
        from client: ClientConnection,
        needsSession: Bool
    ) async throws -> Principal {
        switch try AuthorizationHeader.read(request.headers) {
        case .basic(let name, let password): return try await principal(name: name, password: password, from: client)
        case .bearer(let token): return try await principal(bearer: token)
        case nil: break
        }
        guard let token = request.cookies[Self.cookieName]?.value, !token.isEmpty else { return .anonymous }
        let principal = try await principal(token: token)
        if needsSession, principal.name == nil { throw CouchError.unauthorized("The session has ended.") }
        return principal
    }

    /// The same caller as things are now; nil when the right to be heard has ended: the session, the token's time, or
    /// the password that it stood on.
    ///
    /// For what goes on for long, such as live feeds: cheap, as answers are remembered for up to a second, and
    /// forgotten when rights change anywhere.
    func current(_ principal: Principal) async throws -> Principal? {
        guard let name = principal.name else { return principal }
        switch principal.evidence {
        case .none: return principal
        case .session(let token, _):
            let now = try await self.principal(token: token)
            return now.isNamed(name) && now.isAdministrator == principal.isAdministrator ? now : nil
        case .token(let claims):
            guard claims.expires > Date().timeIntervalSince1970 else { return nil }
            return try await self.principal(claims)
        case .password(let generation, let until):
            guard !principal.isAdministrator else { return principal }
            guard until.map({ $0 > Date() }) ?? true else { return nil }
            let standing = try await users.answer(for: name)
            guard standing.generation == generation else { return nil }
            return Principal(
                name: name,
                isAdministrator: false,
                groups: standing.groups,
                evidence: principal.evidence
            )
        }
    }

    /// Forgets what was looked up, because sessions, groups or passwords have changed.
    func forget() {
        sessions.forget()
        users.forget()
    }

    /// Whose session the token is of; nobody's when there is no such session any more.
    func principal(token: String) async throws -> Principal {
        guard let session = try await sessions.answer(for: token), session.expires > Date() else { return .anonymous }
        return Principal(
            name: session.user,
            isAdministrator: session.isAdministrator,
            groups: session.isAdministrator ? [] : try await users.answer(for: session.user).groups,
            evidence: .session(token: token, session)
        )
    }

    private func principal(name: String, password: String, from client: ClientConnection) async throws -> Principal {
        let authenticated = try await login.authenticate(
            name: name,
            password: password,
            from: client,
            isRepeated: { remembered in
                try await self.users.answer(for: remembered.user).generation == remembered.generation
            }
        )
        return Principal(
            name: authenticated.user,
            isAdministrator: authenticated.isAdministrator,
            groups: authenticated.isAdministrator ? [] : try await users.answer(for: authenticated.user).groups,
            evidence: .password(
                generation: authenticated.generation,
                until: authenticated.isAdministrator ? nil : Date().addingTimeInterval(passwordLife.seconds)
            )
        )
    }

    private func principal(bearer token: String) async throws -> Principal {
        let now = Date().timeIntervalSince1970
        if let known = claims[token] {
            try tokens.check(known, at: now)
            return try await principal(known)
        }
        let verified = try tokens.verify(token, at: now)
        // The administrator has a password, and nobody signs that away.
        guard !login.isAdministrator(verified.user) else {
            throw CouchError.unauthorized("The token's 'sub' is missing or is no user's name.")
        }
        claims[token] = verified
        return try await principal(verified)
    }

    private func principal(_ claims: TokenClaims) async throws -> Principal {
        Principal(
            name: claims.user,
            isAdministrator: false,
            groups: try await users.answer(for: claims.user).groups,
            evidence: .token(claims)
        )
    }
}

/// Bearer tokens whose signatures have been found right, by their digests: a client sends the same one many times.
private final class VerifiedTokens: Sendable {
    private let known = Mutex<[TokenDigest: TokenClaims]>([:])
    private static let limit = 10_000

    subscript(token: String) -> TokenClaims? {
        get { known.withLock { $0[TokenDigest(token)] } }
        set {
            known.withLock { known in
                if known.count >= Self.limit { known.removeAll() }
                known[TokenDigest(token)] = newValue
            }
        }
    }
}
