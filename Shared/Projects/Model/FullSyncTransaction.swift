import JSON
package import Sequences

/// The transactions that every connector of type `fullsync` has.
package enum FullSyncTransaction: String, Sendable, Hashable, CaseIterable {
    case postDocument
    case postBulkDocuments
    case getDocument
    case deleteDocument
    case allDocs
    case databaseInfo

    /// How a written document meets one that is there.
    package enum Policy: String, Sendable, Hashable, CaseIterable {
        /// As CouchDB: the caller gives `_rev`, and a conflict is an error.
        case none
        /// Always a new document; `_id` and `_rev` are dropped.
        case create
        /// The content is replaced, whatever is there.
        case override
        /// Members are merged into what is there, at every depth; nothing is deleted.
        case merge
    }

    /// The variables that the transaction takes.
    package var variables: [VariableDefinition] {
        switch self {
        case .postDocument:
            [VariableDefinition(name: "document", type: .object, isRequired: true)] + Self.writing
        case .postBulkDocuments:
            [VariableDefinition(name: "documents", type: .array, isRequired: true)] + Self.writing
        case .getDocument:
            [
                VariableDefinition(name: "id", type: .string, isRequired: true),
                VariableDefinition(name: "rev", type: .string),
                VariableDefinition(name: "conflicts", type: .boolean),
            ]
        case .deleteDocument:
            [
                VariableDefinition(name: "id", type: .string, isRequired: true),
                VariableDefinition(name: "rev", type: .string),
            ]
        case .allDocs:
            [
                VariableDefinition(name: "keys", type: .array),
                VariableDefinition(name: "startKey", type: .string),
                VariableDefinition(name: "endKey", type: .string),
                VariableDefinition(name: "includeDocs", type: .boolean),
                VariableDefinition(name: "descending", type: .boolean),
                VariableDefinition(name: "limit", type: .integer),
                VariableDefinition(name: "skip", type: .integer),
            ]
        case .databaseInfo: []
        }
    }

    /// What all transactions that write take: the policy, whether only changes are written, the owner and the groups.
    ///
    /// A sequence that asks a back end and posts the answer takes `update_seq` of `databaseInfo` before it asks, and
    /// posts with it as `unlessChangedSince`: what a device has pushed meanwhile is newer than the answer.
    private static let writing = [
        VariableDefinition(name: "policy", type: .string, defaultValue: .string(Policy.none.rawValue)),
        VariableDefinition(name: "onlyIfChanged", type: .boolean, defaultValue: false),
        VariableDefinition(name: "unlessChangedSince", type: .string),
        // Path to `delete`, `override`, `prepend` or `append`; for the policy `merge`.
        VariableDefinition(name: "mergeRules", type: .object),
        // "user", "anonymous", "keep", or {"name": …}.
        VariableDefinition(name: "owner", type: .any, defaultValue: "user"),
        // A list of names, or "keep".
        VariableDefinition(name: "groups", type: .any),
    ]
}
