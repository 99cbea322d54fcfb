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
        _ target: ViewTarget,
        _ caller: Caller,
        _ indexes: ViewIndexes,
        seq: String?
    ) async throws {
        self.indexes = indexes
        self.query = query
        self.caller = caller
        database = target.index.database
        let size = try await indexes.page(
            of: target.index,
            place: target.view.place,
            bytes: MappedPages.pageBytes,
            atMost: MappedPages.pageRows
        )
        var pages = MappedPages(query, target, caller, size: size)
        firstPage = try await pages.next(in: indexes)
        rest = pages
        let counts = try await indexes.counts(
            of: target.index,
            place: target.view.place,
            range: query.range,
            for: caller
        )
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
            var rows = left.prefix(stretch.count)
            let requests = rows.map(LinkedDocument.init)
            let nothing = RevisionRequest(id: DocumentID(stored: ""))
            rows = rows.prefix(
                try await indexes.store.fitting(requests.map { $0.request ?? nothing }, of: database)
            )
            left = left.dropFirst(rows.count)
            let found = try await indexes.store.fetch(
                Array(Set(requests.prefix(rows.count).compactMap(\.request))),
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
