import Collation
import CouchProtocol
import Foundation
import GRDB
import JSON
import Mango
import ViewRules

/// A query by selector, carried out within one snapshot of the database.
struct DeviceFind {
    private let request: FindRequest
    private let plan: FindPlan
    private let reader: StoreReader
    private let rules: DocumentRules
    private let bookmark: Bookmark?
    private var skip: Int
    private var documents: [JSONObject] = []
    private var place: Bookmark?
    private var (keysExamined, documentsExamined) = (0, 0)

    init(_ request: FindRequest, _ plan: FindPlan, _ reader: StoreReader, _ rules: DocumentRules) throws {
        self.request = request
        self.plan = plan
        self.reader = reader
        self.rules = rules
        skip = request.skip
        bookmark = try request.bookmark.map { text throws(CouchError) in try Bookmark(parsing: text) }
    }

    /// What is found.
    ///
    /// - Parameter view: Where the rows of the plan's index are; nil to go through the documents.
    mutating func run(_ view: Int64?) throws -> FindResult {
        if !plan.isEmpty, request.limit > 0 {
            if let view { try readIndex(view) } else { try readDocuments() }
        }
        return FindResult(
            documents: documents,
            bookmark: place?.text ?? request.bookmark ?? Bookmark.none,
            warning: plan.warning(examined: documentsExamined, found: documents.count),
            keysExamined: keysExamined,
            documentsExamined: documentsExamined
        )
    }

    private mutating func readIndex(_ view: Int64) throws {
        let range = try plan.range(isDescending: request.sort.isDescending, behind: bookmark, limit: RowKey.limit)
        let columns = plan.index?.columns ?? []
        try reader.forEachRow(of: view, in: range) { row in
            keysExamined += 1
            let value: JSONValue
            if plan.isCovered {
                var members: JSONObject = ["_id": .string(row.id)]
                let values = try JSONValue(parsing: row.key, limits: .unlimited).arrayValue ?? []
                for (path, value) in zip(columns, values) { members.set(value, at: path) }
                value = .object(members)
            } else {
                guard let found = try document(DocumentID(stored: row.id)) else { return true }
                value = found
            }
            return take(value, Bookmark(id: row.id, key: row.key))
        }
    }

    private mutating func readDocuments() throws {
        guard let ids = plan.ids else { return }
        if let bookmark, bookmark.key != nil { throw Bookmark.invalid(.string(bookmark.text)) }
        let isDescending = request.sort.isDescending
        var (condition, arguments): (String, StatementArguments) = ("NOT is_deleted", [])
        for (bound, sign) in [(ids.first, ">="), (ids.last, "<=")] {
            guard let bound else { continue }
            condition += " AND id \(sign) ?"
            arguments += [bound]
        }
        if let bookmark {
            condition += " AND id \(isDescending ? "<" : ">") ?"
            arguments += [bookmark.id]
        }
        let statement = try reader.db.cachedStatement(
            sql: "SELECT id FROM documents WHERE \(condition) ORDER BY id \(isDescending ? "DESC" : "ASC")"
        )
        let rows = try String.fetchCursor(statement, arguments: arguments)
        while let text = try rows.next() {
            let id = DocumentID(stored: text)
            guard !id.isDesign, let value = try document(id) else { continue }
            keysExamined += 1
            guard take(value, Bookmark(id: text, key: nil)) else { return }
        }
    }

    private mutating func document(_ id: DocumentID) throws -> JSONValue? {
        var options = GetOptions()
        options.includesConflicts = request.conflicts
        guard let bytes = try reader.json(id, nil, options, rules: rules) else { return nil }
        documentsExamined += 1
        return try JSONValue(parsing: bytes, limits: .unlimited)
    }

    /// Keeps the document when it is one of those wanted.
    ///
    /// - Returns: Whether another one is wanted.
    private mutating func take(_ value: JSONValue, _ place: Bookmark) -> Bool {
        guard request.selector.matches(value, collation: .unicode) else { return true }
        self.place = place
        if skip > 0 {
            skip -= 1
            return true
        }
        let shown = request.fields.map { $0.apply(to: value) } ?? value
        documents.append(shown.objectValue ?? [:])
        return documents.count < request.limit
    }
}
