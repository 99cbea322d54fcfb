import CouchProtocol
import GRDB
import JSON
import ViewRules

extension FullSyncDatabase {
    /// Queries a view of a design document: in the same words and with the same answers as on the server, from the
    /// documents that are on the device.
    ///
    /// The first query of a view makes its rows of all documents; the next ones bring over what has changed since.
    ///
    /// - Parameters:
    ///   - design: The design document's name, without `_design/`.
    ///   - view: The view's name.
    ///   - query: Which rows are wanted, and what of them.
    /// - Throws: ``FullSyncError`` named `not_found` when there is no such view, `query_parse_error` for what does not
    ///   fit together, `compilation_error` or `timeout` for a function that cannot be run.
    public func view(_ design: String, _ view: String, _ query: ViewQuery = ViewQuery()) async throws -> ViewResult {
        try await FullSyncError.translating {
            let target = try await target(design, view)
            try await prepare(target.index, query.freshness)
            let answer = try await replica.read { [limits = replica.limits, scripts = replica.indexes.scripts] reader in
                try target.answer(query, reader, scripts, limits)
            }
            // What cannot be kept is made anew by the next query.
            if !answer.blocks.isEmpty { try? await replica.keep(answer.blocks, of: target.view, at: answer.version) }
            return answer.result
        }
    }

    func target(_ design: String, _ view: String) async throws -> ViewTarget {
        let name = design.hasPrefix("_design/") ? design : "_design/" + design
        let id = try DocumentID(name)
        guard let found = try await replica.indexes.design(id, in: replica) else { throw CouchError.missing }
        guard let functions = found.functions, let definition = found.index,
            let place = functions.places[ExactText(view)]
        else {
            throw CouchError.notFound("missing_named_view")
        }
        let reducer = try functions.pairs[place].reduce.map { text throws(CouchError) in
            try DeviceReducer(text, name: "\(ViewFunctions.path(id, view)) reduce", library: functions.library)
        }
        let index = try await replica.index(definition)
        return ViewTarget(index: index, view: index.views[place], reducer: reducer)
    }

    private func prepare(_ index: DeviceIndex, _ freshness: ViewQuery.Freshness) async throws {
        switch freshness {
        case .upToDate: try await replica.indexes.bringUpToDate(index, in: replica)
        case .asItIs: return
        case .updatedAfterwards:
            // What goes wrong there is told by the next query that waits.
            Task { [replica] in try? await replica.indexes.bringUpToDate(index, in: replica) }
        }
    }
}

/// A view that was found.
struct ViewTarget: Sendable {
    let index: DeviceIndex
    /// The number of the view.
    let view: Int64
    let reducer: DeviceReducer?

    /// What a query found, and what it made on the way that is worth keeping.
    fileprivate struct Answer: Sendable {
        let result: ViewResult
        var blocks: [BlockChange] = []
        /// What the view was numbered with.
        var version = 0
    }

    fileprivate func answer(
        _ query: ViewQuery,
        _ reader: StoreReader,
        _ scripts: DeviceScripts,
        _ limits: StoreLimits
    ) throws -> Answer {
        let selection = try ViewSelection(
            query.arguments,
            hasReduce: reducer != nil,
            order: index.definition.order
        )
        if selection.isReduced, let reducer {
            return try reduced(query, selection, reducer, reader, scripts, limits.blocks)
        }
        return Answer(result: try mapped(query, selection, reader, limits.rules))
    }

    private func mapped(
        _ query: ViewQuery,
        _ selection: ViewSelection,
        _ reader: StoreReader,
        _ rules: DocumentRules
    ) throws -> ViewResult {
        var rows: [ViewResult.Row] = []
        var (skip, left) = (max(query.skip, 0), query.limit.map { max($0, 0) } ?? .max)
        for range in selection.ranges where left > 0 {
            // Among several stretches those that are passed over must be counted.
            let isOnly = selection.ranges.count == 1
            try reader.forEachRow(of: view, in: range, skip: isOnly ? skip : 0) { row in
                if !isOnly, skip > 0 {
                    skip -= 1
                    return true
                }
                let document = query.includesDocuments ? try reader.document(of: row, query, rules) : nil
                rows.append(
                    ViewResult.Row(
                        id: row.id,
                        key: try JSONValue(parsing: row.key, limits: .unlimited),
                        value: try JSONValue(parsing: row.value, limits: .unlimited),
                        document: document
                    )
                )
                left -= 1
                return left > 0
            }
        }
        let total = try reader.standing(of: view).rows
        let first = selection.ranges.first ?? selection.range
        let before = first.isDescending ? first.after : first.before
        // Where nothing is found CouchDB stands at the end.
        let isNothing = rows.isEmpty && query.limit != 0
        let offset = isNothing ? total : try before.map { try reader.rowCount(of: view, in: $0) } ?? 0
        return ViewResult(totalRows: total, offset: min(isNothing ? total : offset + query.skip, total), rows: rows)
    }

    private func reduced(
        _ query: ViewQuery,
        _ selection: ViewSelection,
        _ reducer: DeviceReducer,
        _ reader: StoreReader,
        _ scripts: DeviceScripts,
        _ sizes: BlockSizes
    ) throws -> Answer {
        let skip = max(query.skip, 0)
        let (wanted, overflows) = skip.addingReportingOverflow(query.limit.map { max($0, 0) } ?? .max)
        let end = overflows ? Int.max : wanted
        var groups: [(key: [UInt8], value: [UInt8])] = []
        var changes: [BlockChange] = []
        /// Of two stretches one block may be part, which only one of them takes the place of.
        var replaced: Set<RowPlace> = []
        for range in selection.ranges where groups.count < end {
            let open = GroupReader(
                reducer,
                selection.grouping,
                index.definition.order,
                scripts,
                isDescending: range.isDescending,
                limit: end - groups.count,
                sizes
            )
            var scan = BlockScan(of: view, in: range, reader, open)
            try scan.run()
            groups += scan.groups.found
            for change in scan.changes where replaced.isDisjoint(with: change.starts) {
                replaced.formUnion(change.starts)
                changes.append(change)
            }
        }
        let rows = try groups.prefix(end).dropFirst(skip).map { key, value in
            ViewResult.Row(
                id: nil,
                key: try JSONValue(parsing: key, limits: .unlimited),
                value: try JSONValue(parsing: value, limits: .unlimited),
                document: nil
            )
        }
        return Answer(
            result: ViewResult(totalRows: nil, offset: nil, rows: rows),
            blocks: changes,
            version: try reader.version(of: view)
        )
    }
}

extension StoreReader {
    /// The document that is shown with a row: its own, or the one that the `_id` of its value names.
    fileprivate func document(of row: IndexRow, _ query: ViewQuery, _ rules: DocumentRules) throws -> JSONObject? {
        var options = GetOptions()
        options.includesAttachments = query.includesAttachments
        var id = DocumentID(stored: row.id)
        var revision: RevisionID?
        if row.value.first == UInt8(ascii: "{"), let value = try? JSONValue(parsing: row.value, limits: .unlimited),
            let link = value["_id"]
        {
            guard let linked = link.stringValue.flatMap({ try? DocumentID($0) }), !linked.isLocal else { return nil }
            id = linked
            if let text = value["_rev"]?.stringValue {
                guard let named = try? RevisionID(parsing: text) else { return nil }
                revision = named
            }
        } else {
            options.includesConflicts = query.includesConflicts
        }
        return try json(id, revision, options, rules: rules).flatMap {
            try JSONValue(parsing: $0, limits: .unlimited).objectValue
        }
    }
}
