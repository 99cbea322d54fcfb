import CouchProtocol
import JSON

/// Where a pre-built database comes from, as its file says: whose pull made it, and how far that had come.
struct PrebuiltOrigin: Hashable, Sendable {
    /// The server's incarnation of the database.
    let incarnation: String
    /// Everything up to here is in the file.
    let sequence: UpdateSequence
    /// The user as whom it was pulled; nil for nobody.
    let user: String?

    init(incarnation: String, sequence: UpdateSequence, user: String?) {
        self.incarnation = incarnation
        self.sequence = sequence
        self.user = user
    }

    /// The origin that a column says; nil when it says none.
    init?(_ value: JSONValue) {
        guard let incarnation = value["incarnation"]?.stringValue,
            let sequence = value["sequence"].flatMap({ UpdateSequence(json: $0) })
        else { return nil }
        self.init(incarnation: incarnation, sequence: sequence, user: value["user"]?.stringValue)
    }

    var json: JSONValue {
        [
            "incarnation": .string(incarnation), "sequence": sequence.json,
            "user": user.map { .string($0) } ?? .null,
        ]
    }
}
