import CouchProtocol
import DocumentStore
import JSON
import Mango
import ViewRules

/// Where candidates for a query come from.
protocol FindSource: Sendable {
    /// The next candidates, of about that many rows.
    mutating func next(_ count: Int) async throws -> FindPage
}

/// What a source read at once.
struct FindPage: Sendable {
    var candidates: [FindCandidate] = []
    /// How many rows were read, and how many documents.
    var rows = 0
    var documents = 0
    /// About how many bytes the documents have.
    var bytes = 0
    var isLast = false
}

/// A document that may be one of those wanted.
enum FindCandidate: Sendable {
    case document(OutgoingDocument, Bookmark)
    /// What the row of an index says of a document.
    case row(JSONValue, Bookmark)

    var place: Bookmark {
        switch self {
        case .document(_, let place), .row(_, let place): place
        }
    }

    /// The document as the selector sees it.
    func value(_ rules: DocumentRules) throws -> JSONValue {
        switch self {
        case .document(let document, _):
            var bytes: [UInt8] = []
            document.write(to: &bytes, rules: rules)
            return try JSONValue(parsing: bytes, limits: .unlimited)
        case .row(let value, _): return value
        }
    }

    func write(to output: inout [UInt8], _ rules: DocumentRules) {
        switch self {
        case .document(let document, _): document.write(to: &output, rules: rules)
        case .row(let value, _): value.write(to: &output)
        }
    }
}

/// What every source needs to know.
struct FindReading: Sendable {
    let store: DocumentStore
    let database: Database
    let caller: Caller
    let conflicts: Bool
    let isDescending: Bool
}

/// Nothing to read.
struct EmptySource: FindSource {
    mutating func next(_ count: Int) async throws -> FindPage { FindPage(isLast: true) }
}

/// The rows of an index, each with its document unless the row says enough.
struct IndexSource: FindSource {
    private let reading: FindReading
    private let columns: [FieldPath]
    private let isCovered: Bool
    private var scan: ViewScan
    /// Rows that have been read, and whose documents did not fit into memory with those before.
    private var waiting: ArraySlice<ViewRow> = []

    init(
        _ reading: FindReading,
        _ plan: FindPlan,
        _ index: QueryIndex,
        _ kept: ViewIndex,
        behind bookmark: Bookmark?
    ) throws {
        self.reading = reading
        columns = index.columns.map(\.path)
        isCovered = plan.isCovered
        let range = try plan.range(isDescending: reading.isDescending, behind: bookmark, limit: StoredKey.limit)
        scan = ViewScan(kept, place: 0, range: range, caller: reading.caller)
    }

    mutating func next(_ count: Int) async throws -> FindPage {
        if isCovered {
            let rows = try await scan.next(count, from: reading.store.client)
            var page = FindPage(rows: rows.count, isLast: rows.isEmpty)
            page.candidates = try rows.map { .row(try document(of: $0), Bookmark(id: $0.id, key: $0.key)) }
            return page
        }
        if waiting.isEmpty { waiting = try await scan.next(count, from: reading.store.client)[...] }
        let requests = waiting.prefix(count).map { OpenRequest(id: DocumentID(stored: $0.id), .winner) }
        let fitting = try await reading.store.fitting(requests.map(\.revisionRequest), of: reading.database)
        let rows = waiting.prefix(fitting)
        waiting = waiting.dropFirst(fitting)
        var page = FindPage(rows: rows.count, isLast: rows.isEmpty)
        let opened = try await reading.store.openRevisions(
            Array(requests.prefix(fitting)),
            from: reading.database,
            for: reading.caller,
            withHistory: reading.conflicts
        )
        for (row, revisions) in zip(rows, opened) {
            guard let found = revisions.first?.found, !found.isDeleted else { continue }
            var document = OutgoingDocument(found)
            if reading.conflicts { document.conflicts = found.tree?.conflicts ?? [] }
            page.documents += 1
            page.bytes += found.body.count
            page.candidates.append(.document(document, Bookmark(id: row.id, key: row.key)))
        }
        return page
    }

    /// As much of the document as the row says.
    private func document(of row: ViewRow) throws -> JSONValue {
        var members: JSONObject = ["_id": .string(row.id)]
        let values = try JSONValue(parsing: row.key, limits: .unlimited).arrayValue ?? []
        for (path, value) in zip(columns, values) { members.set(value, at: path) }
        return .object(members)
    }
}

/// All documents by their ids, without the design documents.
struct DocumentSource: FindSource {
    private let reading: FindReading
    /// What is still to be listed; nil at the end.
    private var range: DocumentRange?
    private var listed: ArraySlice<ListedDocument> = []
    /// How many are listed at once: of a user's the whole list is looked through each time.
    private var pageSize: Int

    private static let largestPage = 5_000

    init(_ reading: FindReading, _ plan: FindPlan, behind bookmark: Bookmark?) throws {
        self.reading = reading
        pageSize = reading.caller.feeds == nil ? 500 : Self.largestPage
        guard let ids = plan.ids else { return }
        guard bookmark?.key == nil else {
            throw Bookmark.invalid(.string(bookmark?.text ?? ""))
        }
        var range = DocumentRange()
        range.isDescending = reading.isDescending
        range.limit = .max
        // PostgreSQL's texts have no U+0000, and no id has one.
        let (first, last) = (ids.first.map(Self.withoutZero), ids.last.map(Self.withoutZero))
        range.first = reading.isDescending ? last : first
        range.last = reading.isDescending ? first : last
        if let bookmark {
            range.first = bookmark.id
            range.includesFirst = false
        }
        self.range = range
    }

    /// The text up to the first U+0000: no id lies between the two.
    private static func withoutZero(_ text: String) -> String {
        String(decoding: text.utf8.prefix { $0 != 0 }, as: UTF8.self)
    }

    mutating func next(_ count: Int) async throws -> FindPage {
        while listed.isEmpty, let range {
            let page = try await reading.store.listDocuments(
                in: range,
                of: reading.database,
                for: reading.caller,
                size: pageSize
            )
            listed = page.documents.filter { !$0.id.isDesign }[...]
            self.range = page.next
            pageSize = Self.largestPage
        }
        let asked = listed.prefix(count)
        let some = Array(asked.prefix(try await reading.store.fitting(asked, of: reading.database)))
        listed = listed.dropFirst(some.count)
        var page = FindPage(rows: some.count, isLast: listed.isEmpty && range == nil)
        for (row, revision) in zip(some, try await reading.store.revisions(of: some)) {
            guard let revision else { continue }
            var document = OutgoingDocument(revision)
            if reading.conflicts { document.conflicts = row.conflicts }
            page.documents += 1
            page.bytes += revision.body.count
            page.candidates.append(.document(document, Bookmark(id: row.id.text, key: nil)))
        }
        return page
    }
}
