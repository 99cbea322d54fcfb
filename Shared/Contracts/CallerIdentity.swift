package import JSON

/// Whom a sequence runs for.
package struct CallerIdentity: Sendable, Hashable {
    /// The authenticated user; nil for nobody.
    package var user: String?
    /// The groups that the user is in.
    package var groups: [String]
    /// Whether the caller is an administrator.
    package var isAdministrator: Bool

    package init(user: String? = nil, groups: [String] = [], isAdministrator: Bool = false) {
        self.user = user
        self.groups = groups
        self.isAdministrator = isAdministrator
    }

    /// Nobody: what such a sequence writes is everybody's.
    package static let nobody = CallerIdentity()

    package init(_ fields: MessageFields) throws(MessageError) {
        user = try fields.optionalString("user")
        groups = try fields.strings("groups")
        isAdministrator = try fields.bool("administrator")
    }

    package var fields: JSONObject {
        [
            "user": user.map(JSONValue.string) ?? .null, "groups": .array(groups.map(JSONValue.string)),
            "administrator": .bool(isAdministrator),
        ]
    }
}
