package import JSON

/// One committed change of a document, as `fullsync.changes` carries it (contract, section 3).
package struct ChangeEvent: MessageBody, Hashable {
    /// Who wrote a change: what listeners choose by, so that a sequence's own writes do not start it again.
    package enum Origin: String, Sendable, CaseIterable {
        /// A user's device.
        case device
        /// A run of a sequence.
        case sequence
        /// An administrator.
        case admin
    }

    package let database: String
    package let incarnation: String
    package let seq: Int
    package let id: String
    /// The revision that won after the change.
    package let rev: String
    package let deleted: Bool
    package let owner: String?
    package let groups: [String]
    package let origin: Origin

    package init(
        database: String,
        incarnation: String,
        seq: Int,
        id: String,
        rev: String,
        deleted: Bool,
        owner: String?,
        groups: [String],
        origin: Origin
    ) {
        self.database = database
        self.incarnation = incarnation
        self.seq = seq
        self.id = id
        self.rev = rev
        self.deleted = deleted
        self.owner = owner
        self.groups = groups
        self.origin = origin
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        database = try fields.string("database")
        incarnation = try fields.string("incarnation")
        seq = try fields.int("seq")
        id = try fields.string("id")
        rev = try fields.string("rev")
        deleted = try fields.bool("deleted")
        owner = try fields.optionalString("owner")
        groups = try fields.strings("groups")
        guard let origin = Origin(rawValue: try fields.string("origin")) else {
            throw MessageError("'origin' is none of \(Origin.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self.origin = origin
    }

    package var fields: JSONObject {
        [
            "database": .string(database), "incarnation": .string(incarnation), "seq": .number(JSONNumber(seq)),
            "id": .string(id), "rev": .string(rev), "deleted": .bool(deleted),
            "owner": owner.map(JSONValue.string) ?? .null, "groups": .array(groups.map(JSONValue.string)),
            "origin": .string(origin.rawValue),
        ]
    }
}
