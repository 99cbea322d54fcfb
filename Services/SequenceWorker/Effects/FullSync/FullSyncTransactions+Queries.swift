import Collation
import CouchProtocol
import DocumentStore
import JSON
import Mango
import Sequences
import ViewIndexes

/// Views and Mango queries.
extension FullSyncTransactions {
    private static let keyLimit = 100_000

    /// The names of variables where CouchDB's parameter has another.
    private static let parameters = [
        "startKey": "start_key", "endKey": "end_key", "startKeyDocID": "start_key_doc_id",
        "endKeyDocID": "end_key_doc_id", "inclusiveEnd": "inclusive_end", "includeDocs": "include_docs",
        "attEncodingInfo": "att_encoding_info", "groupLevel": "group_level", "updateSeq": "update_seq",
        "useIndex": "use_index", "allowFallback": "allow_fallback", "executionStats": "execution_stats",
    ]

    /// The parameters that the variables say, as CouchDB has them.
    private static func parameters(_ variables: JSONObject) -> JSONObject {
        var parameters = JSONObject()
        for (name, value) in variables where !value.isNull { parameters[Self.parameters[name] ?? name] = value }
        return parameters
    }

    // MARK: - Views

    func getView(_ variables: JSONObject, _ target: Target) async throws -> JSONValue {
        let list = try DocumentListQuery(body: Self.parameters(variables))
        guard list.keys?.count ?? 0 <= Self.keyLimit else {
            throw CouchError.badRequest("`keys` has more than \(Self.keyLimit) keys.")
        }
        let found = try await queries.views.target(
            variables["view"]?.stringValue ?? "",
            of: variables["design"]?.stringValue ?? "",
            in: target.database,
            for: target.caller
        )
        let query = try ViewQuery(list, found.view, found.index.definition.order)
        let view = try await queries.views.prepared(found, list.update)
        var answer = JSONObject()
        if list.updateSeq {
            answer["update_seq"] = try await queries.views.updateSeq(view.index, for: target.caller).json
        }
        let rows = try await query.isReduced ? reduced(query, view, target) : mapped(query, view, target)
        return .object(answer.merging(rows))
    }

    private func reduced(_ query: ViewQuery, _ view: ViewTarget, _ target: Target) async throws -> JSONObject {
        var pages = try ReducedPages(query, view, target.caller)
        var presenter = DocumentPresenter(store: store, database: target.database)
        var rows: [JSONValue] = []
        while true {
            let page = try await pages.next(in: queries.views.indexes)
            if page.isEmpty { return ["rows": .array(rows)] }
            for row in page {
                try presenter.take(row.key.count + row.value.count)
                rows.append(["key": try JSONValue(parsing: row.key), "value": try JSONValue(parsing: row.value)])
            }
        }
    }

    private func mapped(_ query: ViewQuery, _ view: ViewTarget, _ target: Target) async throws -> JSONObject {
        let indexes = queries.views.indexes
        let size = try await indexes.page(
            of: view.index,
            place: view.view.place,
            bytes: MappedPages.pageBytes,
            atMost: MappedPages.pageRows
        )
        var pages = MappedPages(query, view, target.caller, size: size)
        var presenter = DocumentPresenter(store: store, database: target.database)
        presenter.history.conflicts = query.list.conflicts
        presenter.sendsContents = query.list.attachments.sendsContents
        var rows: [JSONValue] = []
        while true {
            let page = try await pages.next(in: indexes)
            if page.isEmpty { break }
            rows += try await shown(page, query, target, &presenter)
        }
        let counts = try await indexes.counts(
            of: view.index,
            place: view.view.place,
            range: query.range,
            for: target.caller
        )
        return ["total_rows": .number(JSONNumber(counts.total)), "rows": .array(rows)]
    }

    private func shown(
        _ page: [ViewRow],
        _ query: ViewQuery,
        _ target: Target,
        _ presenter: inout DocumentPresenter
    ) async throws -> [JSONValue] {
        guard query.list.includesBodies else {
            return try page.map { .object(try Self.members(of: $0, &presenter)) }
        }
        var rows: [JSONValue] = []
        var rest = page.map { (row: $0, request: LinkedDocument($0).request) }[...]
        while !rest.isEmpty {
            let part = rest.prefix(try await fitting(rest.map(\.request), in: target))
            rest = rest.dropFirst(part.count)
            let requests = Array(Set(part.compactMap(\.request)))
            let found = try await store.fetch(requests, from: target.database, for: target.caller)
            for (row, request) in part {
                var members = try Self.members(of: row, &presenter)
                members["doc"] = .null
                if let request, let revision = found[request], !revision.isDeleted || request.revision != nil {
                    members["doc"] = try await presenter.json(revision)
                }
                rows.append(.object(members))
            }
        }
        return rows
    }

    /// How many of the documents may be in memory together; some rows have none.
    private func fitting(_ requests: [RevisionRequest?], in target: Target) async throws -> Int {
        let nothing = RevisionRequest(id: DocumentID(stored: ""))
        return try await store.fitting(requests.map { $0 ?? nothing }, of: target.database)
    }

    private static func members(of row: ViewRow, _ presenter: inout DocumentPresenter) throws -> JSONObject {
        try presenter.take(row.id.utf8.count + row.key.count + row.value.count)
        return [
            "id": .string(row.id), "key": try JSONValue(parsing: row.key), "value": try JSONValue(parsing: row.value),
        ]
    }

    // MARK: - Mango

    func postFind(_ variables: JSONObject, _ target: Target) async throws -> JSONValue {
        let began = ContinuousClock.now
        let request = try FindRequest(parsing: Self.parameters(variables))
        let known = try await queries.selectors.indexes(in: target.database, for: target.caller)
        let plan = try FindPlanner(request, indexes: known, collation: .unicode).plan()
        let ready = try await FindRun(
            request,
            plan,
            indexes: queries.views.indexes,
            in: target.database,
            for: target.caller
        )
        guard var run = ready else { throw CouchError.unavailable("the index could not be brought up to date") }
        var presenter = DocumentPresenter(store: store, database: target.database)
        var (documents, hasMore) = ([JSONValue](), true)
        while hasMore {
            var text: [UInt8] = []
            hasMore = try await run.next(into: &text, separator: ",")
            try presenter.take(text.count)
            if text.first == UInt8(ascii: ",") { text.removeFirst() }
            let page = [UInt8(ascii: "[")] + text + [UInt8(ascii: "]")]
            documents += try JSONValue(parsing: page, limits: .unlimited).arrayValue ?? []
        }
        let bookmark = run.place?.text ?? request.bookmark ?? Bookmark.none
        var answer: JSONObject = ["docs": .array(documents), "bookmark": .string(bookmark)]
        if request.executionStats { answer["execution_stats"] = run.executionStatistics(since: began) }
        let (examined, matched) = (run.statistics.documentsExamined, run.statistics.found)
        if let warning = plan.warning(examined: examined, found: matched) { answer["warning"] = .string(warning) }
        return .object(answer)
    }
}
