import CouchProtocol
import DocumentStore
import Hummingbird
import JSON
import NIOCore
import ViewIndexes

/// The rows of a view.
struct MappedAnswer: Sendable {
    private let indexes: ViewIndexes
    private let database: Database
    private let caller: Caller
    private let query: ViewQuery
    private let members: String
    private let firstPage: [ViewRow]
    private let rest: MappedPages

    init(
        _ query: ViewQuery,
        _ target: ViewResource.Target,
        _ caller: Caller,
        _ indexes: ViewIndexes,
        seq: String?
    ) async throws {
        self.indexes = indexes
        self.query = query
        self.caller = caller
        database = target.index.database
        var pages = MappedPages(query, target, caller)
        firstPage = try await pages.next(in: indexes)
        rest = pages
        let first = query.keys?.first.map { KeyRange.of($0, query.range.isDescending) }
        let range = first ?? query.range
        let counts = try await indexes.counts(of: target.index, place: target.view.place, range: range, for: caller)
        // Where nothing is found CouchDB stands at the end.
        let offset = firstPage.isEmpty && query.list.limit != 0 ? counts.total : counts.before + query.list.skip
        members =
            "\"total_rows\":\(counts.total),\"offset\":\(min(offset, counts.total)),"
            + (seq.map { "\"update_seq\":\($0)," } ?? "")
    }

    @concurrent func write(to writer: inout some ResponseBodyWriter) async throws {
        var text = RowText(members: members)
        var (page, pages) = (firstPage, rest)
        var stretch = AdaptiveStretch()
        while !page.isEmpty {
            if query.list.includesBodies {
                try await write(page, &text, &stretch, to: &writer)
            } else {
                for row in page {
                    begin(row, &text)
                    text.append("}")
                }
            }
            try await text.flush(to: &writer)
            page = try await pages.next(in: indexes)
        }
        try await text.end(to: &writer)
    }

    private func begin(_ row: ViewRow, _ text: inout RowText) {
        text.separate()
        text.append(#"{"id":"#)
        JSONValue.write(string: row.id, to: &text.bytes)
        text.append(#","key":"#)
        text.bytes += row.key
        text.append(#","value":"#)
        text.bytes += row.value
    }

    // MARK: - With documents

    @concurrent private func write(
        _ page: [ViewRow],
        _ text: inout RowText,
        _ stretch: inout AdaptiveStretch,
        to writer: inout some ResponseBodyWriter
    ) async throws {
        var left = page[...]
        while !left.isEmpty {
            let rows = left.prefix(stretch.count)
            left = left.dropFirst(rows.count)
            let requests = rows.map(LinkedDocument.init)
            let found = try await indexes.store.fetch(
                Array(Set(requests.compactMap(\.request))),
                from: database,
                for: caller
            )
            for (row, linked) in zip(rows, requests) {
                begin(row, &text)
                text.append(#","doc":"#)
                if let request = linked.request, let revision = found[request],
                    !revision.isDeleted || request.revision != nil
                {
                    var outgoing = OutgoingDocument(revision)
                    if query.list.conflicts, !linked.isLink { outgoing.conflicts = revision.tree?.conflicts ?? [] }
                    outgoing.attachments = query.list.attachments.outgoing(revision, as: .inline)
                    try await AttachedDocument(document: outgoing, attachments: revision.attachments)
                        .write(to: &text.bytes, sending: &writer, of: database, from: indexes.store)
                } else {
                    text.append("null")
                }
                text.append("}")
            }
            stretch.note(bytes: text.bytes.count, of: rows.count)
            try await text.flush(to: &writer)
        }
    }
}

/// The document that is shown with a row: its own, or the one that the `_id` of its value names.
private struct LinkedDocument {
    /// Nil when it names none.
    let request: RevisionRequest?
    let isLink: Bool

    init(_ row: ViewRow) {
        guard row.value.first == UInt8(ascii: "{"), let value = try? JSONValue(parsing: row.value),
            let link = value["_id"]
        else {
            request = RevisionRequest(id: DocumentID(stored: row.id))
            isLink = false
            return
        }
        isLink = true
        let revision = value["_rev"]?.stringValue.map { try? RevisionID(parsing: $0) }
        guard let id = link.stringValue.flatMap({ try? DocumentID($0) }), !id.isLocal, revision != .some(nil) else {
            request = nil
            return
        }
        request = RevisionRequest(id: id, revision: revision ?? nil)
    }
}

/// The rows of a range, or of one key after the other, page by page.
private struct MappedPages: Sendable {
    private var scans: ArraySlice<ViewScan>
    private var skip: Int
    private var limit: Int

    private static let pageSize = 1_000

    init(_ query: ViewQuery, _ target: ViewResource.Target, _ caller: Caller) {
        (skip, limit) = (query.list.skip, query.list.limit ?? .max)
        let ranges = query.keys.map { keys in keys.map { KeyRange.of($0, query.range.isDescending) } } ?? [query.range]
        scans = ranges.map { ViewScan(target.index, place: target.view.place, range: $0, caller: caller) }[...]
    }

    mutating func next(in indexes: ViewIndexes) async throws -> [ViewRow] {
        while limit > 0, var scan = scans.popFirst() {
            let wanted = min(Self.pageSize, limit) + min(Self.pageSize, skip)
            var rows = try await scan.next(wanted, from: indexes.store.client)
            if rows.isEmpty { continue }
            scans = [scan] + scans
            let skipped = min(skip, rows.count)
            rows.removeFirst(skipped)
            skip -= skipped
            rows = Array(rows.prefix(limit))
            limit -= rows.count
            if !rows.isEmpty { return rows }
        }
        return []
    }
}

extension KeyRange {
    /// The rows of one key, read in that direction.
    fileprivate static func of(_ key: [UInt8], _ isDescending: Bool) -> KeyRange {
        var range = KeyRange(key: key)
        range.isDescending = isDescending
        return range
    }
}
