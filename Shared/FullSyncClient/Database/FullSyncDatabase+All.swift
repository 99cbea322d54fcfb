import CouchProtocol
import Foundation
import GRDB
public import JSON

/// Which documents are listed, and what of them.
public struct ListOptions: Hashable, Sendable {
    /// The id to begin with.
    public var startKey: String?
    /// The id to end with.
    public var endKey: String?
    /// Whether the document of ``endKey`` is listed too.
    public var includesEnd = true
    /// Whether the order is from the last to the first; ``startKey`` is then the greater one.
    public var isDescending = false
    /// How many documents are passed over.
    public var skip = 0
    /// How many documents are listed at most; nil for all.
    public var limit: Int?
    /// Whether the documents are read, and not only named.
    public var includesDocuments = false
    /// Whether conflicting revisions are told with the documents.
    public var includesConflicts = false
    /// Whether the contents of attachments are read with the documents.
    public var includesAttachments = false

    /// All documents, by name.
    public init() {}
}

extension FullSyncDatabase {
    /// A document of a list.
    public struct Row: Hashable, Sendable {
        /// The id that was asked for.
        public let key: String
        /// The present revision; nil when there is no such document.
        public let revision: String?
        /// Whether the document is deleted; such a one is listed only when it is asked for by its id.
        public let isDeleted: Bool
        /// The document, when documents are asked for and this one is not deleted.
        public let document: JSONObject?
    }

    /// Lists documents by their ids, in the order of the bytes of UTF-8.
    public func all(_ options: ListOptions = ListOptions()) async throws -> [Row] {
        let rules = replica.rules
        return try await FullSyncError.translating {
            try await replica.read { reader in
                try reader.list(options).map { try reader.row($0.0, $0.1, options, rules) }
            }
        }
    }

    /// Lists the documents of these ids, in their order or, descending, the other way round; one row for each.
    ///
    /// Of the options those count that do not say where to begin and to end.
    public func all(keys: [String], _ options: ListOptions = ListOptions()) async throws -> [Row] {
        let rules = replica.rules
        let ordered = options.isDescending ? keys.reversed() : keys
        let asked = ordered.dropFirst(max(options.skip, 0)).prefix(options.limit ?? .max)
        return try await FullSyncError.translating {
            try await replica.read { reader in
                try asked.map { key in
                    let id = DocumentID(stored: key)
                    return try reader.row(id, try reader.document(id)?.tree, options, rules)
                }
            }
        }
    }
}

extension StoreReader {
    fileprivate func list(_ options: ListOptions) throws -> [(DocumentID, RevisionTree<BodyNumber>)] {
        var conditions = ["NOT is_deleted"]
        var arguments: StatementArguments = []
        if let start = options.startKey {
            conditions.append(options.isDescending ? "id <= ?" : "id >= ?")
            arguments += [start]
        }
        if let end = options.endKey {
            conditions.append("id \(options.isDescending ? ">" : "<")\(options.includesEnd ? "=" : "") ?")
            arguments += [end]
        }
        let statement = try db.cachedStatement(
            sql: """
                SELECT id, tree FROM documents WHERE \(conditions.joined(separator: " AND "))
                ORDER BY id \(options.isDescending ? "DESC" : "ASC") LIMIT ? OFFSET ?
                """
        )
        return try GRDB.Row.fetchAll(statement, arguments: arguments + [options.limit ?? -1, max(options.skip, 0)])
            .map { row in (DocumentID(stored: row[0]), try Self.tree(row[1])) }
    }

    fileprivate func row(
        _ id: DocumentID,
        _ tree: RevisionTree<BodyNumber>?,
        _ options: ListOptions,
        _ rules: DocumentRules
    ) throws -> FullSyncDatabase.Row {
        guard let winner = tree?.winner else {
            return .init(key: id.text, revision: nil, isDeleted: false, document: nil)
        }
        var document: JSONObject?
        if options.includesDocuments, !winner.isDeleted {
            var what = GetOptions()
            what.includesConflicts = options.includesConflicts
            what.includesAttachments = options.includesAttachments
            document = try json(id, nil, what, rules: rules).flatMap {
                try JSONValue(parsing: $0, limits: .unlimited).objectValue
            }
        }
        return .init(
            key: id.text,
            revision: winner.id.description,
            isDeleted: winner.isDeleted,
            document: document
        )
    }
}
