package import CouchProtocol
public import JSON

/// A Full Sync server, as an application talks to it beside its local database.
public struct FullSyncServer: Sendable {
    package let session: HTTPSession

    init(session: HTTPSession) {
        self.session = session
    }

    /// The server at an address such as `https://sync.example.org`.
    public init(address: String) throws {
        do {
            session = HTTPSession(address: try ServerAddress(parsing: address))
        } catch {
            throw FullSyncError(error)
        }
    }

    /// Logs a user in, by the project's login sequence.
    ///
    /// The session is renewed by itself until ``logout()``.
    ///
    /// - Returns: What the server says of the user: `name`, `roles` and what the login sequence adds.
    @discardableResult
    public func login(name: String, password: String) async throws -> JSONValue {
        try await FullSyncError.translating {
            try await session.login(ServerAddress.Credentials(name: name, password: password))
        }
    }

    /// Ends the session and forgets the password.
    public func logout() async throws {
        try await FullSyncError.translating { try await session.logout() }
    }

    /// Runs a public sequence of a project under the user's identity.
    ///
    /// - Parameters:
    ///   - project: The project's name.
    ///   - sequence: The sequence's name.
    ///   - variables: The sequence's input.
    /// - Returns: What the sequence answers.
    public func call(
        project: String,
        sequence: String,
        variables: JSONObject = [:]
    ) async throws -> JSONValue {
        try await call(project: project, sequence: sequence, variables: variables, as: .anyone)
    }

    func call(
        project: String,
        sequence: String,
        variables: JSONObject,
        as asker: HTTPSession.Asker
    ) async throws -> JSONValue {
        let path =
            "/_fullsync/projects/\(PercentEncoding.encode(project))/sequences/\(PercentEncoding.encode(sequence))"
        return try await FullSyncError.translating {
            var request = HTTPSession.Request(
                method: "POST",
                path: path,
                body: .json(JSONValue.object(variables).bytes)
            )
            request.asker = asker
            return try await session.json(request)
        }
    }

    /// A database of the server, to replicate with.
    package func database(_ name: String, rules: DocumentRules = DocumentRules()) -> HTTPReplica {
        HTTPReplica(session: session, database: name, rules: rules)
    }

    func database(_ name: String, rules: DocumentRules, as asker: HTTPSession.Asker) -> HTTPReplica {
        HTTPReplica(session: session, database: name, rules: rules, asker: asker)
    }
}
