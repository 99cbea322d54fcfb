import CouchProtocol
import DocumentStore
import Hummingbird
import JSON
import NIOCore
import ViewIndexes

/// `/<database>/_local_docs`: the caller's own `_local` documents; everybody's for an administrator, with the name of
/// the user whose each is.
struct LocalDocumentList: Sendable {
    let store: DocumentStore

    private static let pageSize = 500

    func respond(to exchange: Exchange, in database: Database) async throws -> Response {
        let query = try await AllDocuments.query(exchange)
        let caller = exchange.caller
        return .streamed { writer in
            let seq = query.updateSeq ? #","update_seq":null"# : ""
            try await writer.write(ByteBuffer(string: "{\"total_rows\":null,\"offset\":null\(seq),\"rows\":[\r\n"))
            if query.keys == nil {
                try await write(query, in: database, for: caller, to: &writer)
            } else {
                try await writeKeys(query, in: database, for: caller, to: &writer)
            }
            try await writer.write(ByteBuffer(string: "\r\n]}\n"))
        }
    }

    @concurrent private func write(
        _ query: DocumentListQuery,
        in database: Database,
        for caller: Caller,
        to writer: inout any ResponseBodyWriter
    ) async throws {
        guard var range = query.range(onlyDesigns: false) else { return }
        let end = range.skip + range.limit
        var isFirst = true
        while range.skip < end {
            range.limit = min(Self.pageSize, end - range.skip)
            let found = try await store.localDocuments(in: range, of: database, for: caller)
            guard !found.isEmpty else { return }
            var output: [UInt8] = []
            for document in found {
                if !isFirst { output.append(contentsOf: ",\r\n".utf8) }
                isFirst = false
                Self.write(document, includesBody: query.includesBodies, namesOwner: caller.feeds == nil, to: &output)
            }
            try await writer.write(ByteBuffer(bytes: output))
            guard found.count == range.limit else { return }
            range.skip += found.count
        }
    }

    @concurrent private func writeKeys(
        _ query: DocumentListQuery,
        in database: Database,
        for caller: Caller,
        to writer: inout any ResponseBodyWriter
    ) async throws {
        let keys = query.isDescending ? (query.keys ?? []).reversed() : query.keys ?? []
        let local = keys.compactMap(\.stringValue).filter { $0.beginsExactly(with: "_local/") }
        for (index, key) in local.dropFirst(query.skip).prefix(query.limit ?? .max).enumerated() {
            var output = index > 0 ? Array(",\r\n".utf8) : []
            let name = (try? DocumentID(key))?.localName
            if let name, let found = try await store.localDocument(name, in: database, for: caller) {
                Self.write(found, includesBody: query.includesBodies, namesOwner: caller.feeds == nil, to: &output)
            } else {
                JSONValue.object(["key": .string(key), "error": "not_found"]).write(to: &output)
            }
            try await writer.write(ByteBuffer(bytes: output))
        }
    }

    private static func write(
        _ document: StoredLocalDocument,
        includesBody: Bool,
        namesOwner: Bool,
        to output: inout [UInt8]
    ) {
        let id = JSONValue.string(DocumentID.local(document.name).text)
        var value: JSONObject = ["rev": .string("0-\(document.revision)")]
        if namesOwner, !document.owner.isEmpty { value["owner"] = .string(document.owner) }
        output.append(contentsOf: #"{"id":"#.utf8)
        id.write(to: &output)
        output.append(contentsOf: #","key":"#.utf8)
        id.write(to: &output)
        output.append(contentsOf: #","value":"#.utf8)
        JSONValue.object(value).write(to: &output)
        if includesBody {
            output.append(contentsOf: #","doc":"#.utf8)
            output.append(contentsOf: document.document)
        }
        output.append(UInt8(ascii: "}"))
    }
}
