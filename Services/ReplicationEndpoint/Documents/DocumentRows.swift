import CouchProtocol
import DocumentStore
import Hummingbird
import JSON
import NIOCore
import ViewIndexes

/// Writes the rows of one list of documents to a client, some at a time: what is in memory does not grow with the list.
struct DocumentRows: Sendable {
    let store: DocumentStore
    let database: Database
    let caller: Caller
    let query: DocumentListQuery
    let onlyDesigns: Bool
    private let rules: DocumentRules

    init(store: DocumentStore, database: Database, caller: Caller, query: DocumentListQuery, onlyDesigns: Bool) {
        self.store = store
        self.database = database
        self.caller = caller
        self.query = query
        self.onlyDesigns = onlyDesigns
        rules = database.documentRules
    }

    /// How many rows without bodies are in memory at once.
    private static let pageSize = 5_000

    /// The members in front of the rows, and whatever else must be known before an answer can begin.
    struct Head: Sendable {
        fileprivate let text: String
        /// The first page; nil for a list by keys.
        fileprivate let page: DocumentPage?
    }

    func head() async throws -> Head {
        let total =
            onlyDesigns
            ? try await store.designCount(in: database, for: caller)
            : try await store.counts(in: database, for: caller).live
        if query.keys != nil {
            let seq = query.updateSeq ? #","update_seq":null"# : ""
            return Head(text: "{\"total_rows\":\(total),\"offset\":null\(seq),\"rows\":[", page: nil)
        }
        var seq = ""
        if query.updateSeq {
            let place = try await store.lastPlace(in: database, for: caller)
            seq = ",\"update_seq\":" + database.token(FeedPosition(place)).sequence.json.text
        }
        var page = DocumentPage.empty
        var offset = 0
        if let range = query.range(onlyDesigns: onlyDesigns) {
            offset = try await store.offset(of: range, in: database, for: caller)
            if range.limit > 0 { page = try await next(range) }
        }
        offset = min(total, offset + min(query.skip, total))
        return Head(text: "{\"total_rows\":\(total),\"offset\":\(offset)\(seq),\"rows\":[", page: page)
    }

    @concurrent func write(_ head: Head, to writer: inout some ResponseBodyWriter) async throws {
        var output = Array("\(head.text)\r\n".utf8)
        var isFirst = true
        if let page = head.page {
            try await write(page, &output, &isFirst, to: &writer)
        } else {
            try await writeKeys(&output, &isFirst, to: &writer)
        }
        output.append(contentsOf: "\r\n]}".utf8)
        try await writer.write(ByteBuffer(bytes: output))
    }

    // MARK: - A range

    private func next(_ range: DocumentRange) async throws -> DocumentPage {
        try await store.listDocuments(in: range, of: database, for: caller, size: Self.pageSize)
    }

    @concurrent private func write(
        _ first: DocumentPage,
        _ output: inout [UInt8],
        _ isFirst: inout Bool,
        to writer: inout some ResponseBodyWriter
    ) async throws {
        var page = first
        var stretch = AdaptiveStretch()
        while true {
            var rest = page.documents[...]
            while !rest.isEmpty {
                let listed = try await query.includesBodies ? fitting(rest.prefix(stretch.count)) : Array(rest)
                rest = rest.dropFirst(listed.count)
                let bodies = query.includesBodies ? try await store.revisions(of: listed) : []
                for (index, document) in listed.enumerated() {
                    Self.separate(&output, &isFirst)
                    if query.includesBodies {
                        try await write(document, bodies[index], &output, to: &writer)
                    } else {
                        Self.write(document, to: &output)
                        output.append(UInt8(ascii: "}"))
                    }
                }
                stretch.note(bytes: output.count, of: listed.count)
                try await Self.flush(&output, to: &writer)
            }
            guard let range = page.next else { return }
            page = try await next(range)
        }
    }

    /// As many of the rows as may be in memory with their bodies.
    private func fitting(_ rows: ArraySlice<ListedDocument>) async throws -> [ListedDocument] {
        Array(rows.prefix(try await store.fitting(rows, of: database)))
    }

    // MARK: - Keys

    /// The keys that are asked for, in the order of the answer.
    private var keys: ArraySlice<JSONValue> {
        let all = query.keys ?? []
        let ordered = query.isDescending ? all.reversed() : all
        let named = onlyDesigns ? ordered.filter { $0.stringValue?.beginsExactly(with: "_design/") ?? false } : ordered
        return named.dropFirst(query.skip).prefix(query.limit ?? .max)
    }

    @concurrent private func writeKeys(
        _ output: inout [UInt8],
        _ isFirst: inout Bool,
        to writer: inout some ResponseBodyWriter
    ) async throws {
        var rest = keys
        var stretch = AdaptiveStretch()
        while !rest.isEmpty {
            let keys = try await query.includesBodies ? fitting(rest.prefix(stretch.count)) : rest.prefix(1_000)
            rest = rest.dropFirst(keys.count)
            let listed = try await find(keys)
            let bodies = try await bodies(of: listed)
            for (index, key) in keys.enumerated() {
                Self.separate(&output, &isFirst)
                if let document = listed[index] {
                    try await write(document, bodies[document.id], &output, to: &writer)
                } else {
                    output.append(contentsOf: #"{"key":"#.utf8)
                    key.write(to: &output)
                    output.append(contentsOf: #","error":"not_found"}"#.utf8)
                }
            }
            stretch.note(bytes: output.count, of: keys.count)
            try await Self.flush(&output, to: &writer)
        }
    }

    /// As many of the keys as may be in memory with their documents.
    private func fitting(_ keys: ArraySlice<JSONValue>) async throws -> ArraySlice<JSONValue> {
        let nothing = DocumentID(stored: "")
        let requests = keys.map { key in
            RevisionRequest(id: key.stringValue.flatMap { try? DocumentID($0) } ?? nothing)
        }
        return keys.prefix(try await store.fitting(requests, of: database))
    }

    /// The documents that the keys name; a key that cannot be an id names none.
    private func find(_ keys: ArraySlice<JSONValue>) async throws -> [ListedDocument?] {
        let ids = keys.map { key in key.stringValue.flatMap { try? DocumentID($0) } }
        var found = try await store.listedDocuments(ids.compactMap(\.self), of: database, for: caller)[...]
        return ids.map { $0 == nil ? nil : found.popFirst() ?? nil }
    }

    private func bodies(of listed: [ListedDocument?]) async throws -> [DocumentID: StoredRevision] {
        guard query.includesBodies else { return [:] }
        let found = try await store.revisions(of: listed.compactMap(\.self).filter { !$0.isDeleted })
        return Dictionary(found.compactMap(\.self).map { ($0.id, $0) }) { first, _ in first }
    }

    // MARK: - One row

    @concurrent private func write(
        _ document: ListedDocument,
        _ revision: StoredRevision?,
        _ output: inout [UInt8],
        to writer: inout some ResponseBodyWriter
    ) async throws {
        Self.write(document, to: &output)
        if query.includesBodies {
            output.append(contentsOf: #","doc":"#.utf8)
            if let revision, !document.isDeleted {
                let attached = attached(revision, of: document)
                if attached.hasContents {
                    try await attached.write(to: &output, sending: &writer, of: database, from: store)
                } else {
                    attached.document.write(to: &output, rules: rules)
                }
            } else {
                output.append(contentsOf: "null".utf8)
            }
        }
        output.append(UInt8(ascii: "}"))
    }

    private func attached(_ revision: StoredRevision, of document: ListedDocument) -> AttachedDocument {
        var outgoing = OutgoingDocument(revision)
        if query.conflicts { outgoing.conflicts = document.conflicts }
        outgoing.attachments = query.attachments.outgoing(revision, as: .inline)
        return AttachedDocument(document: outgoing, attachments: revision.attachments)
    }

    /// Appends the members in front of the document.
    private static func write(_ document: ListedDocument, to output: inout [UInt8]) {
        output.append(contentsOf: #"{"id":"#.utf8)
        JSONValue.write(string: document.id.text, to: &output)
        // Written again and not copied: a slice of the output would make the next append copy all of it.
        output.append(contentsOf: #","key":"#.utf8)
        JSONValue.write(string: document.id.text, to: &output)
        output.append(contentsOf: #","value":{"rev":""#.utf8)
        document.revision.write(to: &output)
        output.append(contentsOf: (document.isDeleted ? #"","deleted":true}"# : #""}"#).utf8)
    }

    private static func separate(_ output: inout [UInt8], _ isFirst: inout Bool) {
        if !isFirst { output.append(contentsOf: ",\r\n".utf8) }
        isFirst = false
    }

    @concurrent private static func flush(
        _ output: inout [UInt8],
        to writer: inout some ResponseBodyWriter
    ) async throws {
        try await writer.write(ByteBuffer(bytes: output))
        output.removeAll(keepingCapacity: true)
    }
}
