import DocumentStore

/// Who sent a request.
struct Principal: Sendable {
    /// Nil for a caller without credentials.
    let name: String?
    let isAdministrator: Bool
    let groups: Set<String>
    /// The token of the session's cookie; nil for those who came without one.
    let token: String?
    /// How the caller was recognised, as `GET /_session` says: `cookie` or `default`.
    let authenticated: String?

    static let anonymous = Principal(name: nil, isAdministrator: false, groups: [], token: nil, authenticated: nil)

    /// The caller, as the document store decides rights.
    var caller: Caller {
        guard let name else { return .anonymous }
        return isAdministrator ? .administrator(name: name) : .user(name: name, groups: groups)
    }

    /// The roles that `GET /_session` tells, as CouchDB names them.
    var roles: [String] { isAdministrator ? ["_admin"] : groups.sorted() }
}
