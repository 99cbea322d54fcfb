import AsyncHTTPClient
import CouchProtocol
import JSON
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import FullSyncClient

/// A server's answers that a device must be able to take, or to pass over.
@Suite struct HTTPReplicaTests {
    /// A server that answers by path, and has no local documents.
    private func replica(_ answers: [String: String]) throws -> HTTPReplica {
        let session = HTTPSession(address: try ServerAddress(parsing: "http://server")) { request, _ in
            guard let answer = answers[request.path] else { throw CouchError.missing }
            return HTTPClientResponse(body: .bytes(ByteBuffer(string: answer)))
        }
        return HTTPReplica(session: session, database: "db")
    }

    private static let longID = String(repeating: "x", count: 600)

    /// Documents beyond what a device's own documents may be, and one that makes no sense.
    private static let documents: [(id: String, members: String)] = [
        ("plain", #""n":1"#), (longID, #""n":2"#),
        ("digits", "\"n\":" + String(repeating: "7", count: 300) + "." + zeros),
        ("groups", #""~groups":["\#(String(repeating: "g", count: 300))"]"#),
        ("nested", "\"n\":" + String(repeating: "[", count: 700) + String(repeating: "]", count: 700)),
        ("files", "\"_attachments\":{" + files + "}"), ("owner", #""~owner":5"#),
    ]
    private static let zeros = String(repeating: "0", count: 1_500)
    private static let files = (0..<1_100).map { #""\#($0)\#(String(repeating: "n", count: 1_100))":{"data":"eA=="}"# }
        .joined(separator: ",")

    private func server() throws -> HTTPReplica {
        let rows = Self.documents.enumerated().map { place, document in
            #"{"seq":\#(place + 1),"id":"\#(document.id)","changes":[{"rev":"1-aa"}]}"#
        }
        let results = Self.documents.map { document in
            #"{"id":"\#(document.id)","docs":[{"ok":{"_id":"\#(document.id)","_rev":"1-aa",\#(document.members)}}]}"#
        }
        return try replica([
            "/db": #"{"db_name":"db","update_seq":7,"doc_count":7,"doc_del_count":0,"instance_start_time":"0"}"#,
            "/db/_changes": #"{"results":[\#(rows.joined(separator: ","))],"last_seq":7,"pending":0}"#,
            "/db/_bulk_get": #"{"results":[\#(results.joined(separator: ","))]}"#,
        ])
    }

    @Test func `what a server has is taken as it is, and what makes no sense fails alone`() async throws {
        let outcomes = try await server().fetch(
            Self.documents.map {
                FetchRequest(id: DocumentID(stored: $0.id), revision: try RevisionID(parsing: "1-aa"))
            }
        )
        var (taken, failed): ([String], [String]) = ([], [])
        for outcome in outcomes {
            switch outcome {
            case .document(let document): taken.append(document.id.text)
            case .failure(let id, let revision, let error):
                #expect(revision.description == "1-aa" && error.error == "doc_validation")
                failed.append(id.text)
            }
        }
        #expect(taken == Self.documents.map(\.id).filter { $0 != "owner" } && failed == ["owner"])
    }

    /// A server that has documents of these sizes, each `1-aa`, and gives them in pieces.
    private func server(_ sizes: [String: Int]) throws -> HTTPReplica {
        let session = HTTPSession(address: try ServerAddress(parsing: "http://server")) { request, _ in
            let asked = try JSONValue(parsing: request.body?.text ?? [])["docs"]?.arrayValue ?? []
            let results = asked.compactMap { $0["id"]?.stringValue }.map { id in
                let text = String(repeating: "x", count: sizes[id] ?? 0)
                return #"{"id":"\#(id)","docs":[{"ok":{"_id":"\#(id)","_rev":"1-aa","text":"\#(text)"}}]}"#
            }
            var answer = ByteBuffer(string: #"{"results":[\#(results.joined(separator: ","))]}"#)
            var pieces: [ByteBuffer] = []
            while let piece = answer.readSlice(length: min(answer.readableBytes, 1 << 20)), piece.readableBytes > 0 {
                pieces.append(piece)
            }
            return HTTPClientResponse(body: .stream(Pieces(pieces: pieces)))
        }
        return HTTPReplica(session: session, database: "db")
    }

    private struct Pieces: AsyncSequence, Sendable {
        let pieces: [ByteBuffer]

        func makeAsyncIterator() -> Iterator { Iterator(pieces: pieces.makeIterator()) }

        struct Iterator: AsyncIteratorProtocol {
            var pieces: IndexingIterator<[ByteBuffer]>

            mutating func next() async -> ByteBuffer? { pieces.next() }
        }
    }

    private static func requests(_ count: Int) throws -> [FetchRequest] {
        let revision = try RevisionID(parsing: "1-aa")
        return (0..<count).map { FetchRequest(id: DocumentID(stored: "d\($0)"), revision: revision) }
    }

    @Test func `documents are read as many at once as may be in memory`() async throws {
        let large = FetchOutcome.sizeLimit / 3 - 100
        let server = try server(["d0": large, "d1": large, "d2": large, "d3": large, "d4": large])
        var parts: [Int] = []
        try await server.fetch(try Self.requests(5)) { parts.append($0.count) }
        #expect(parts == [4, 1])
    }

    @Test func `a document that is too large fails alone`() async throws {
        var server = try server(["d1": 5_000, "d3": 5_000])
        server.documentLimit = 1_000
        var outcomes: [String] = []
        try await server.fetch(try Self.requests(5)) { part in
            outcomes += part.map { outcome in
                switch outcome {
                case .document(let document): document.id.text
                case .failure(let id, _, let error): "\(id.text) \(error.status)"
                }
            }
        }
        #expect(outcomes.sorted() == ["d0", "d1 413", "d2", "d3 413", "d4"])
    }

    @Test func `an answer that says nothing of what was asked is none`() async throws {
        let replica = try replica([
            "/db/_bulk_docs": #"{"ok":true}"#, "/db/_revs_diff": #"{"a":{"ok":true}}"#,
            "/db/_bulk_get": #"{"results":[]}"#, "/db/_changes": #"{"results":[{"ok":true}],"last_seq":1}"#,
        ])
        let (id, revision) = (DocumentID(stored: "a"), try RevisionID(parsing: "1-aa"))
        await #expect(throws: TransportError.self) {
            try await replica.write([ReplicatedDocument(id: id, path: RevisionPath(revision))])
        }
        await #expect(throws: TransportError.self) {
            try await replica.revisionsDifference([DocumentRevisions(id: id, revisions: [revision])])
        }
        await #expect(throws: TransportError.self) {
            try await replica.fetch([FetchRequest(id: id, revision: revision)]) { _ in }
        }
        await #expect(throws: TransportError.self) { try await replica.changes(ChangesRequest()) }
    }

    /// What a server has been asked, and what it has taken.
    private final class Notes: Sendable {
        let asked = Mutex(0)
        let taken = Mutex<Set<String>>([])
    }

    /// A server that fails with requests that have one of these documents.
    private func server(failingWith poison: Set<String>, _ notes: Notes) throws -> HTTPReplica {
        let session = HTTPSession(address: try ServerAddress(parsing: "http://server")) { request, _ in
            notes.asked.withLock { $0 += 1 }
            guard request.path == "/db/_bulk_docs" else {
                return HTTPClientResponse(body: .bytes(ByteBuffer(string: #"{"update_seq":1}"#)))
            }
            let docs = try JSONValue(parsing: request.body?.text ?? [])["docs"]?.arrayValue ?? []
            let ids = docs.compactMap { $0["_id"]?.stringValue }
            guard poison.isDisjoint(with: ids) else {
                throw CouchError(status: 500, error: "internal_server_error", reason: "It cannot be done.")
            }
            notes.taken.withLock { $0.formUnion(ids) }
            return HTTPClientResponse(body: .bytes(ByteBuffer(string: "[]")))
        }
        return HTTPReplica(session: session, database: "db")
    }

    private static func documents(_ count: Int) throws -> [ReplicatedDocument] {
        try requests(count).map { ReplicatedDocument(id: $0.id, path: RevisionPath($0.revision)) }
    }

    @Test func `a document with which the server fails again and again is passed over, and no other`() async throws {
        let notes = Notes()
        let replica = try server(failingWith: ["d3"], notes)
        var documents = try Self.documents(8)
        var failures: [WriteFailure] = []
        var tries = 0
        while failures.isEmpty, tries < 10 {
            do {
                failures = try await replica.write(documents)
            } catch {
                #expect(RetryPolicy.mayPass(error))
            }
            tries += 1
            let written = notes.taken.withLock { $0 }
            #expect(written.count == (tries == 1 ? 0 : 7))
            // What the server has is not sent again.
            documents.removeAll { written.contains($0.id.text) }
        }
        #expect(tries == 4)
        #expect(failures.map(\.id.text) == ["d3"])
        #expect(failures.first.map { RetryPolicy.mayPass($0.error) } == false)
    }

    @Test func `an edit with which the server fails is told although it fails with another one, too`() async throws {
        let path = TestDirectory.make("push") + "/db.sqlite"
        let device = try SQLiteReplica(path: path)
        let documents = try Self.documents(8)
        let first = try server(failingWith: ["d3"], Notes()).remembering(in: device)
        for _ in 0..<3 { await #expect(throws: CouchError.self) { try await first.write(documents) } }
        let both = try server(failingWith: ["d3", "d5"], Notes()).remembering(in: device)
        var own: [[String]] = []
        for _ in 0..<3 {
            let failures = try await both.write(documents)
            #expect(failures.map(\.id.text).sorted() == ["d3", "d5"])
            own.append(failures.filter { !RetryPolicy.mayPass($0.error) }.map(\.id.text).sorted())
        }
        #expect(own == [["d3"], ["d3"], ["d3", "d5"]])
    }

    @Test(arguments: [true, false]) func `a server that is unwell in each row of its answers passes over no document`(
        isPush: Bool
    ) async throws {
        let isWell = Mutex(false)
        let session = HTTPSession(address: try ServerAddress(parsing: "http://server")) { request, _ in
            let docs = try JSONValue(parsing: request.body?.text ?? [])["docs"]?.arrayValue ?? []
            let rows = docs.map { doc -> JSONValue in
                let id = doc["_id"] ?? doc["id"] ?? .null
                let error: JSONObject = ["id": id, "rev": "1-aa", "error": "timeout", "reason": "Too busy."]
                if isPush { return .object(isWell.withLock { $0 } ? ["id": id, "ok": true] : error) }
                let found: JSONValue = ["ok": ["_id": id, "_rev": "1-aa"]]
                return ["id": id, "docs": [isWell.withLock { $0 } ? found : ["error": .object(error)]]]
            }
            let answer: JSONValue = isPush ? .array(rows) : ["results": .array(rows)]
            return HTTPClientResponse(body: .bytes(ByteBuffer(bytes: answer.bytes)))
        }
        let replica = HTTPReplica(session: session, database: "db")
        func errors() async throws -> [CouchError] {
            guard !isPush else { return try await replica.write(try Self.documents(3)).map(\.error) }
            return try await replica.fetch(try Self.requests(3)).compactMap { outcome in
                guard case .failure(_, _, let error) = outcome else { return nil }
                return error
            }
        }
        for _ in 0..<10 {
            let errors = try await errors()
            #expect(errors.count == 3 && errors.allSatisfy(RetryPolicy.mayPass))
        }
        isWell.withLock { $0 = true }
        #expect(try await errors() == [])
    }

    @Test func `a server that fails with everything is not asked for each document, and none is passed over`()
        async throws
    {
        let notes = Notes()
        let documents = try Self.documents(500)
        let replica = try server(failingWith: Set(documents.map(\.id.text)), notes)
        for _ in 0..<10 { await #expect(throws: CouchError.self) { try await replica.write(documents) } }
        #expect(notes.asked.withLock { $0 } < 400)
    }

    @Test func `counts that nothing can have are numbers that can be added`() async throws {
        let replica = try replica([
            "/db": #"{"update_seq":7,"doc_count":9223372036854775807,"doc_del_count":9223372036854775807}"#,
            "/db/_changes": #"{"results":[],"last_seq":7,"pending":9223372036854775807}"#,
        ])
        let info = try await replica.info()
        #expect(info.documentCount + info.deletedCount == 2 << 53)
        #expect(try await replica.changes(ChangesRequest()).pending == 1 << 53)
    }

    @Test func `only what says that it is the server's is the server's error`() throws {
        let own = HTTPSession.error(status: 403, body: Array(#"{"error":"forbidden","reason":"no"}"#.utf8))
        #expect(own as? CouchError == CouchError.forbidden("no"))
        for status in [302, 403, 404, 407, 502] {
            #expect(HTTPSession.error(status: status, body: Array("<html>".utf8)) is TransportError)
        }
        #expect(HTTPSession.error(status: 413, body: []) as? CouchError == CouchError.tooLarge)
    }

    @Test func `a pull goes on behind a document that cannot be taken, and counts it`() async throws {
        let path = TestDirectory.make("pull") + "/db.sqlite"
        let database = FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path))
        let page = try await server().changes(ChangesRequest())
        let target = WithoutCheckpoints(base: database.replica)
        let result = try await Replicator(from: WithoutCheckpoints(base: try server()), to: target).run()
        #expect(page.rows.count == 7)
        #expect((result.statistics.documentsWritten, result.statistics.writeFailures) == (6, 1))
        #expect(try await database.get("digits")?["n"] != nil)
        #expect(try await database.get("nested")?["n"] != nil)
        #expect(try await database.get("files")?["_attachments"]?.objectValue?.count == 1_100)
        #expect(try await database.get("owner") == nil)
    }
}

/// Bodies of requests on their way.
@Suite(.timeLimit(.minutes(10))) struct UploadTests {
    private let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }

    @Test func `an upload goes piece by piece, as it is taken`() async throws {
        let upload = Upload(.json(bytes))
        let taken = try await upload.watched {
            var taken: [[UInt8]] = []
            for try await piece in upload { taken.append(Array(piece.readableBytesView)) }
            return taken
        }
        #expect(taken.count > 2 && taken.joined().elementsEqual(bytes))
    }

    @Test func `an upload that stands still ends, and one whose answer is long in coming does not`() async throws {
        let upload = Upload(.json(bytes), silence: .milliseconds(20))
        let (never, continuation) = AsyncStream.makeStream(of: Void.self)
        await #expect(throws: TransportError.self) {
            try await upload.watched {
                var pieces = upload.makeAsyncIterator()
                _ = try await pieces.next()
                for await _ in never {}
                try Task.checkCancellation()
            }
        }
        let sent = Upload(.json(bytes), silence: .milliseconds(20))
        for try await _ in sent {}
        try await sent.watched {
            // Longer than it may stand still.
            try await Task.sleep(for: .milliseconds(100))
        }
        continuation.finish()
    }
}

/// A replica whose checkpoints are taken and forgotten.
private struct WithoutCheckpoints<Base: Replica>: ForwardingReplica {
    let base: Base

    func localDocument(_ name: String) async throws -> LocalDocument? { nil }

    func putLocalDocument(_ name: String, _ document: LocalDocument) async throws -> String { "0-1" }
}
