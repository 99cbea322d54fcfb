package import JSON

/// Whom a sequence runs for.
package struct CallerIdentity: Sendable, Hashable {
    /// The authenticated user; nil for nobody.
    package var user: String?
    /// The groups that the user is in.
    package var groups: [String]
    /// Whether the caller is an administrator.
    package var isAdministrator: Bool
    /// What the values are kept under that go with the caller's session, or with the one that a login begins; nil for
    /// callers without a session.
    package var session: String?

    package init(
        user: String? = nil,
        groups: [String] = [],
        isAdministrator: Bool = false,
        session: String? = nil
    ) {
        self.user = user
        self.groups = groups
        self.isAdministrator = isAdministrator
        self.session = session
    }

    /// Nobody: what such a sequence writes is everybody's.
    package static let nobody = CallerIdentity()

    package init(_ fields: MessageFields) throws(MessageError) {
        user = try fields.optionalName("user")
        groups = try fields.strings("groups")
        isAdministrator = try fields.bool("administrator")
        session = try fields.optionalString("session")
    }

    package var fields: JSONObject {
        [
            "user": user.map(JSONValue.string) ?? .null, "groups": .array(groups.map(JSONValue.string)),
            "administrator": .bool(isAdministrator), "session": session.map(JSONValue.string) ?? .null,
        ]
    }
}
