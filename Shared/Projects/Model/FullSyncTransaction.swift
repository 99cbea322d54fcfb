import JSON
package import Sequences

/// The transactions that every connector of type `fullsync` has.
package enum FullSyncTransaction: String, Sendable, Hashable, CaseIterable {
    case postDocument
    case postBulkDocuments
    case getDocument
    case deleteDocument
    case copyDocument
    case putAttachment
    case getAttachment
    case deleteAttachment
    case allDocs
    case getView
    /// A Mango query.
    case postFind
    case databaseInfo
    /// Takes revisions away as if they had never been, or all tombstones.
    case purgeDatabase
    /// Makes the database anew, without documents but those that the project says.
    case resetDatabase
    /// Takes away the bodies of revisions that are no leaves any more, now instead of later.
    case compactDatabase

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
        case .postDocument: [VariableDefinition(name: "document", type: .object, isRequired: true)] + Self.writing
        case .postBulkDocuments: Self.bulk + Self.writing
        case .getDocument: Self.reading + Self.history
        case .deleteDocument: [Self.id, Self.rev]
        case .copyDocument: [Self.id, Self.rev] + Self.destination
        case .putAttachment: [Self.id, Self.attachment, Self.rev] + Self.content
        case .getAttachment:
            // "base64" or "text".
            [Self.id, Self.attachment, Self.rev, VariableDefinition(name: "as", type: .string, defaultValue: "base64")]
        case .deleteAttachment: [Self.id, Self.attachment, Self.rev]
        case .allDocs: Self.range(keys: .string) + Self.listing
        case .getView: Self.view + Self.range(keys: .any) + Self.listing + Self.reducing
        case .postFind: Self.finding
        case .databaseInfo: []
        case .purgeDatabase:
            [
                // A list of revisions for each id.
                VariableDefinition(name: "revisions", type: .object),
                VariableDefinition(name: "allTombstones", type: .boolean),
            ]
        case .resetDatabase, .compactDatabase: []
        }
    }
}

// MARK: - What several have

extension FullSyncTransaction {
    private static let id = VariableDefinition(name: "id", type: .string, isRequired: true)
    /// The present revision where it is not said.
    private static let rev = VariableDefinition(name: "rev", type: .string)
    private static let attachment = VariableDefinition(name: "name", type: .string, isRequired: true)

    private static let reading = [
        id, rev,
        // Whether the contents of attachments come along, in Base64.
        VariableDefinition(name: "attachments", type: .boolean),
        // "all" leaves, or a list of revisions; the answer is a list of `{"ok": document}` and `{"missing": revision}`.
        VariableDefinition(name: "openRevs", type: .any),
        // Whether leaves take the place of the revisions in `openRevs` that they came from.
        VariableDefinition(name: "latest", type: .boolean),
    ]

    /// What is told beside a document, with CouchDB's meaning.
    private static let history = [
        VariableDefinition(name: "revs", type: .boolean),
        VariableDefinition(name: "revsInfo", type: .boolean),
        VariableDefinition(name: "conflicts", type: .boolean),
        VariableDefinition(name: "deletedConflicts", type: .boolean),
        VariableDefinition(name: "localSeq", type: .boolean),
    ]

    private static let destination = [
        VariableDefinition(name: "destination", type: .string, isRequired: true),
        VariableDefinition(name: "destinationRev", type: .string),
    ]

    /// One of `base64` and `text`.
    private static let content = [
        VariableDefinition(name: "contentType", type: .string),
        VariableDefinition(name: "base64", type: .string),
        VariableDefinition(name: "text", type: .string),
    ]

    /// What all transactions that write take: the policy, whether only changes are written, the owner and the groups.
    ///
    /// A document that says nothing in `_attachments` keeps the attachments that there are. A sequence that asks a back
    /// end and posts the answer takes `update_seq` of `databaseInfo` before it asks, and posts with it as
    /// `unlessChangedSince`: what a device has pushed meanwhile is newer than the answer.
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

    private static let bulk = [
        VariableDefinition(name: "documents", type: .array),
        // What every document has, unless it says otherwise.
        VariableDefinition(name: "base", type: .object),
        // By name: a list has a value for each document, anything else is every document's.
        VariableDefinition(name: "members", type: .object),
    ]

    /// The parameters that lists and views have in common, with CouchDB's meaning; null is as if it were not said.
    private static func range(keys type: VariableDefinition.ValueType) -> [VariableDefinition] {
        [
            VariableDefinition(name: "key", type: type),
            VariableDefinition(name: "keys", type: .array),
            VariableDefinition(name: "startKey", type: type),
            VariableDefinition(name: "endKey", type: type),
            VariableDefinition(name: "inclusiveEnd", type: .boolean),
        ]
    }

    private static let listing = [
        VariableDefinition(name: "includeDocs", type: .boolean),
        VariableDefinition(name: "conflicts", type: .boolean),
        VariableDefinition(name: "descending", type: .boolean),
        VariableDefinition(name: "limit", type: .integer),
        VariableDefinition(name: "skip", type: .integer),
    ]

    private static let view = [
        VariableDefinition(name: "design", type: .string, isRequired: true),
        VariableDefinition(name: "view", type: .string, isRequired: true),
        VariableDefinition(name: "startKeyDocID", type: .string),
        VariableDefinition(name: "endKeyDocID", type: .string),
    ]

    private static let reducing = [
        VariableDefinition(name: "attachments", type: .boolean),
        VariableDefinition(name: "attEncodingInfo", type: .boolean),
        VariableDefinition(name: "reduce", type: .boolean),
        VariableDefinition(name: "group", type: .boolean),
        VariableDefinition(name: "groupLevel", type: .integer),
        VariableDefinition(name: "sorted", type: .boolean),
        VariableDefinition(name: "stable", type: .boolean),
        // "true", "false" or "lazy".
        VariableDefinition(name: "update", type: .string),
        // "ok" or "update_after".
        VariableDefinition(name: "stale", type: .string),
        VariableDefinition(name: "updateSeq", type: .boolean),
    ]

    private static let finding = [
        VariableDefinition(name: "selector", type: .object, isRequired: true),
        VariableDefinition(name: "fields", type: .array),
        VariableDefinition(name: "sort", type: .array),
        VariableDefinition(name: "limit", type: .integer),
        VariableDefinition(name: "skip", type: .integer),
        VariableDefinition(name: "useIndex", type: .any),
        VariableDefinition(name: "allowFallback", type: .boolean),
        VariableDefinition(name: "bookmark", type: .string),
        VariableDefinition(name: "conflicts", type: .boolean),
        VariableDefinition(name: "update", type: .boolean),
        VariableDefinition(name: "stable", type: .boolean),
        VariableDefinition(name: "executionStats", type: .boolean),
    ]
}
