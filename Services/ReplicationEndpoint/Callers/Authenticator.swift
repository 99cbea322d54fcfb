import ControlStore
import CouchProtocol
import DocumentStore
import Foundation
import HTTPTypes
import Hummingbird
import Synchronization

/// Recognises the sender of a request by its cookie or its Basic credentials.
final class Authenticator: Sendable {
    static let cookieName = "AuthSession"

    private let login: Login
    private let control: ControlStore
    private let store: DocumentStore
    /// What was looked up a moment ago; emptied when sessions or groups change.
    private let known = Mutex<[String: Known]>([:])

    private struct Known {
        let principal: Principal
        let until: ContinuousClock.Instant
    }

    /// How long an answer about a session or a user's groups is used again; a change says so itself, so this is only
    /// how long it takes when that message is lost.
    private static let memory = Duration.seconds(1)
    private static let memoryLimit = 50_000

    init(login: Login, control: ControlStore, store: DocumentStore) {
        self.login = login
        self.control = control
        self.store = store
    }

    /// Who sent the request.
    ///
    /// - Throws: `unauthorized` when credentials came that are nobody's; a session that has ended is as none.
    func principal(of request: Request) async throws -> Principal {
        if let value = request.headers[.authorization] {
            return try await principal(authorization: value)
        }
        if let token = request.cookies[Self.cookieName]?.value, !token.isEmpty {
            return try await principal(token: token)
        }
        return .anonymous
    }

    /// The principal as it is now, for what goes on after its request was let in: with the groups of now.
    ///
    /// - Returns: Nil when the right to go on has ended with the session.
    func current(_ principal: Principal) async throws -> Principal? {
        if let token = principal.token {
            let now = try await self.principal(token: token)
            return now.name == nil ? nil : now
        }
        guard let name = principal.name else { return principal }
        return try await remembered("user \(name) \(principal.isAdministrator)") {
            try await self.principal(
                user: name,
                isAdministrator: principal.isAdministrator,
                token: nil,
                authenticated: principal.authenticated ?? "default"
            )
        }
    }

    /// Forgets what was looked up, because sessions or groups have changed.
    func forget() {
        known.withLock { $0.removeAll() }
    }

    private func principal(authorization: String) async throws -> Principal {
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "basic",
            let data = Data(base64Encoded: parts[1].trimmingCharacters(in: .whitespaces)),
            let text = String(validating: data, as: UTF8.self), let colon = text.firstIndex(of: ":")
        else { throw CouchError.unauthorized("The Authorization header is not understood.") }
        let authenticated = try await login.authenticateAgain(
            name: String(text[..<colon]),
            password: String(text[text.index(after: colon)...])
        )
        return try await remembered("user \(authenticated.user) \(authenticated.isAdministrator)") {
            try await self.principal(
                user: authenticated.user,
                isAdministrator: authenticated.isAdministrator,
                token: nil,
                authenticated: "default"
            )
        }
    }

    /// Whose session the token is of; nobody's when there is no such session any more.
    func principal(token: String) async throws -> Principal {
        try await remembered("token \(token)") {
            guard let session = try await self.control.session(token: token) else { return .anonymous }
            return try await self.principal(
                user: session.user,
                isAdministrator: session.isAdministrator,
                token: token,
                authenticated: "cookie"
            )
        }
    }

    private func principal(
        user: String,
        isAdministrator: Bool,
        token: String?,
        authenticated: String
    ) async throws
        -> Principal
    {
        Principal(
            name: user,
            isAdministrator: isAdministrator,
            groups: isAdministrator ? [] : try await store.groups(of: user),
            token: token,
            authenticated: authenticated
        )
    }

    private func remembered(_ key: String, look: () async throws -> Principal) async throws -> Principal {
        let found = known.withLock { $0[key] }
        if let found, found.until > .now { return found.principal }
        let principal = try await look()
        known.withLock { known in
            if known.count >= Self.memoryLimit { known.removeAll() }
            known[key] = Known(principal: principal, until: .now + Self.memory)
        }
        return principal
    }
}
