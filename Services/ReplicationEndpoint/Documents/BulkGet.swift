import CouchProtocol
import DocumentStore
import Hummingbird
import JSON
import NIOCore

/// `POST /<database>/_bulk_get`: many revisions at once, their bodies as the bytes that the store has.
///
/// Streamed: what is in memory at once does not grow with the number of documents.
struct BulkGet: Sendable {
    let store: DocumentStore

    func respond(to exchange: Exchange, in database: Database) async throws -> Response {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        try exchange.requireJSON()
        let request = try await BulkGetRequest(exchange)
        let caller = exchange.caller
        if let type = request.partsType {
            return AttachmentAnswers(store: store, database: database).parts(type) { parts, pieces in
                try await write(request, in: database, for: caller, parts, to: &pieces)
            }
        }
        return .streamed { writer in try await write(request, in: database, for: caller, to: &writer) }
    }

    @concurrent private func write(
        _ request: BulkGetRequest,
        in database: Database,
        for caller: Caller,
        to writer: inout some ResponseBodyWriter
    ) async throws {
        var output = Array(#"{"results":["#.utf8)
        var stretch = AdaptiveStretch()
        var start = 0
        while start < request.items.count {
            let items = try await fitting(request.items[start...].prefix(stretch.count), database)
            let opened = try await open(items, withHistory: request.needsHistory, in: database, for: caller)
            for (index, (item, revisions)) in zip(items, opened).enumerated() {
                if start + index > 0 { output.append(UInt8(ascii: ",")) }
                try await write(item, revisions, withHistory: request.withHistory, database, &output, to: &writer)
            }
            stretch.note(bytes: output.count, of: items.count)
            start += items.count
            try await writer.write(ByteBuffer(bytes: output))
            output.removeAll(keepingCapacity: true)
        }
        output.append(contentsOf: "]}\n".utf8)
        try await writer.write(ByteBuffer(bytes: output))
    }

    /// As many of the items as may be in memory.
    private func fitting(
        _ items: ArraySlice<BulkGetRequest.Item>,
        _ database: Database
    ) async throws -> ArraySlice<BulkGetRequest.Item> {
        let requests = items.map { item in
            switch item {
            case .open(let request, _): request.revisionRequest
            case .wrong: RevisionRequest(id: DocumentID(stored: ""))
            }
        }
        return items.prefix(try await store.fitting(requests, of: database))
    }

    /// What came of each item; nothing of those that are wrong.
    private func open(
        _ items: ArraySlice<BulkGetRequest.Item>,
        withHistory: Bool,
        in database: Database,
        for caller: Caller
    ) async throws -> [[OpenedRevision]] {
        let requests = items.compactMap { item -> OpenRequest? in
            guard case .open(let request, _) = item else { return nil }
            return request
        }
        var opened = try await store.openRevisions(requests, from: database, for: caller, withHistory: withHistory)[...]
        return items.map { item in
            guard case .open = item else { return [] }
            return opened.popFirst() ?? []
        }
    }

    @concurrent private func write(
        _ item: BulkGetRequest.Item,
        _ revisions: [OpenedRevision],
        withHistory: Bool,
        _ database: Database,
        _ output: inout [UInt8],
        to writer: inout some ResponseBodyWriter
    ) async throws {
        output.append(contentsOf: #"{"id":"#.utf8)
        switch item {
        case .wrong(let id, let rev, let error):
            id.write(to: &output)
            output.append(contentsOf: #","docs":["#.utf8)
            Self.write(error, id: id, rev: rev, to: &output)
        case .open(let request, let options):
            let id = JSONValue.string(request.id.text)
            id.write(to: &output)
            output.append(contentsOf: #","docs":["#.utf8)
            // A document that is not there has no revision to be named.
            if revisions.isEmpty { Self.write(.missing, id: id, rev: "undefined", to: &output) }
            for (index, revision) in revisions.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                switch revision {
                case .missing(let revision):
                    Self.write(.missing, id: id, rev: .string(revision.description), to: &output)
                case .found(let found):
                    let document = AttachedDocument(found, options, withHistory: withHistory, as: .inline)
                    output.append(contentsOf: #"{"ok":"#.utf8)
                    if document.hasContents {
                        try await document.write(to: &output, sending: &writer, of: database, from: store)
                    } else {
                        document.document.write(to: &output, rules: database.documentRules)
                    }
                    output.append(UInt8(ascii: "}"))
                }
            }
        }
        output.append(contentsOf: "]}".utf8)
    }

    private static func write(_ error: CouchError, id: JSONValue, rev: JSONValue, to output: inout [UInt8]) {
        let row: JSONValue = ["error": self.error(error, id: id, rev: rev)]
        row.write(to: &output)
    }

    private static func error(_ error: CouchError, id: JSONValue, rev: JSONValue) -> JSONValue {
        ["id": id, "rev": rev, "error": .string(error.error), "reason": .string(error.reason)]
    }

    // MARK: - As parts

    @concurrent private func write(
        _ request: BulkGetRequest,
        in database: Database,
        for caller: Caller,
        _ parts: AttachmentAnswers.Parts,
        to pieces: inout PieceWriter
    ) async throws {
        var start = 0
        while start < request.items.count {
            let items = try await fitting(request.items[start...].prefix(Self.partsStretch), database)
            let opened = try await open(items, withHistory: request.needsHistory, in: database, for: caller)
            for (item, revisions) in zip(items, opened) {
                for answer in Self.answers(item, revisions, withHistory: request.withHistory) {
                    try await parts.write(answer, namesRevision: true, to: &pieces)
                }
            }
            start += items.count
        }
    }

    /// How many documents are in memory at once; with parts, bodies are not what counts.
    private static let partsStretch = 100

    private static func answers(
        _ item: BulkGetRequest.Item,
        _ revisions: [OpenedRevision],
        withHistory: Bool
    ) -> [AttachmentAnswers.Answer] {
        switch item {
        case .wrong(let id, let rev, let error): return [.failure(Self.error(error, id: id, rev: rev).bytes)]
        case .open(let request, let options):
            let id = JSONValue.string(request.id.text)
            guard !revisions.isEmpty else { return [.failure(error(.missing, id: id, rev: "undefined").bytes)] }
            return revisions.map { revision in
                switch revision {
                case .found(let found):
                    .document(AttachedDocument(found, options, withHistory: withHistory, as: .part))
                case .missing(let revision):
                    .failure(
                        JSONValue.object([
                            "rev": .string(revision.description), "error": "not_found", "reason": "missing",
                        ]).bytes
                    )
                }
            }
        }
    }
}
