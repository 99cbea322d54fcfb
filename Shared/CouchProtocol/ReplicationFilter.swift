package import JSON

/// Which documents a feed or a replication is about.
package enum ReplicationFilter: Hashable, Sendable {
    /// All of them.
    case none
    /// These.
    case documents([DocumentID])
    /// Those that a Mango selector matches.
    case selector(JSONValue)
    /// Those that a filter function of a design document lets through (`design/function`), with parameters for it.
    case function(String, parameters: [String: String])

    /// The filter as part of a replication's name.
    var identity: JSONValue {
        switch self {
        case .none: .null
        case .documents(let ids): ["doc_ids": .array(ids.sorted().map { .string($0.text) })]
        case .selector(let selector): ["selector": selector]
        case .function(let name, let parameters):
            ["filter": .string(name), "query_params": .object(JSONObject(parameters.map { ($0, .string($1)) }))]
        }
    }
}
