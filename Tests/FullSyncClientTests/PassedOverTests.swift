import AsyncHTTPClient
import CouchProtocol
import Foundation
import JSON
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import FullSyncClient

/// Documents whose reading makes the server fail with all that is asked for with them.
@Suite(.timeLimit(.minutes(10))) struct PassedOverTests {
    private let control = SyncControl()
    private let database: FullSyncDatabase

    init() throws {
        let path = TestDirectory.make("passed-over") + "/db.sqlite"
        database = FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path))
    }

    private static func requests(_ count: Int) throws -> [CouchProtocol.FetchRequest] {
        let revision = try RevisionID(parsing: "1-aa")
        return (0..<count).map { FetchRequest(id: DocumentID(stored: "d\($0)"), revision: revision) }
    }

    /// A server that fails with requests for one of these documents.
    private static func server(
        failingWith poison: Set<String>,
        _ asked: @escaping @Sendable () -> Void = {}
    ) throws
        -> HTTPReplica
    {
        let session = HTTPSession(address: try ServerAddress(parsing: "http://server")) { request, _ in
            asked()
            guard request.path == "/db/_bulk_get" else {
                return HTTPClientResponse(body: .bytes(ByteBuffer(string: #"{"update_seq":1}"#)))
            }
            let docs = try JSONValue(parsing: request.body?.text ?? [])["docs"]?.arrayValue ?? []
            let ids = docs.compactMap { $0["id"]?.stringValue }
            guard poison.isDisjoint(with: ids) else {
                throw CouchError(status: 500, error: "internal_server_error", reason: "It cannot be read.")
            }
            let results = ids.map { #"{"id":"\#($0)","docs":[{"ok":{"_id":"\#($0)","_rev":"1-aa"}}]}"# }
            let answer = #"{"results":[\#(results.joined(separator: ","))]}"#
            return HTTPClientResponse(body: .bytes(ByteBuffer(string: answer)))
        }
        return HTTPReplica(session: session, database: "db")
    }

    @Test func `a document with which the server fails is found by halves, and holds up no other`() async throws {
        let replica = try Self.server(failingWith: ["d3", "d11"])
        var (rest, failed, tries) = (try Self.requests(20), [String](), 0)
        while !rest.isEmpty, tries < 10 {
            tries += 1
            do {
                for outcome in try await replica.fetch(rest) {
                    switch outcome {
                    case .document(let document): rest.removeAll { $0.id == document.id }
                    case .failure(let id, _, let error) where error.isPassedOver:
                        failed.append(id.text)
                        rest.removeAll { $0.id == id }
                    case .failure(_, _, let error): #expect(RetryPolicy.mayPass(error))
                    }
                }
            } catch {
                #expect(RetryPolicy.mayPass(error) && tries == 1, "before it is known that the failure does not pass")
            }
            if tries == 2 { #expect(rest.map(\.id.text) == ["d3", "d11"], "others came at once") }
        }
        #expect(failed.sorted() == ["d11", "d3"] && tries == 5)
    }

    @Test func `a server that fails with everything is not asked for each document, and none is passed over`()
        async throws
    {
        let asked = Mutex(0)
        let requests = try Self.requests(500)
        let replica = try Self.server(failingWith: Set(requests.map(\.id.text))) { asked.withLock { $0 += 1 } }
        for _ in 0..<10 { await #expect(throws: CouchError.self) { try await replica.fetch(requests) } }
        #expect(asked.withLock { $0 } < 400)
    }

    /// A server that fails with reading some documents, as is known by now.
    private final class FailingReader: ForwardingReplica {
        let base = ScriptedServer()
        let poison = Mutex<Set<String>>([])

        func changes(_ request: ChangesRequest) async throws -> ChangesPage {
            var plain = request
            plain.withDocuments = false
            return try await base.changes(plain)
        }

        func fetch(_ requests: [CouchProtocol.FetchRequest]) async throws -> [FetchOutcome] {
            let poison = poison.withLock { $0 }
            let error = CouchError(status: 422, error: "internal_server_error", reason: "It cannot be read.")
            let outcomes = try await base.fetch(requests)
            return zip(requests, outcomes).map { request, outcome in
                poison.contains(request.id.text) ? .failure(request.id, request.revision, error) : outcome
            }
        }
    }

    @Test func `what was passed over is told, and comes with a later pull although it has not changed`() async throws {
        let server = FailingReader()
        for id in ["a", "b", "c", "d"] { try await server.base.base.put(DocumentID(stored: id), ["n": 1]) }
        server.poison.withLock { $0 = ["b", "c"] }
        let events = control.events.listen()
        let result = try await SyncRun(of: database, with: server, .pull, control).run()
        #expect((result.pulled, result.failed) == (2, 2))
        var told: [String] = []
        for await event in events {
            if case .documentNotTaken(_, let id, _) = event { told.append(id) }
            if told.count == 2 { break }
        }
        #expect(told.sorted() == ["b", "c"])
        let origin = PrebuiltOrigin(incarnation: "x", sequence: UpdateSequence(1), user: "ada")
        let file = TestDirectory.make("export") + "/db.sqlite"
        await #expect(throws: CouchError.self) {
            try await database.replica.export(to: URL(fileURLWithPath: file), origin: origin)
        }
        server.poison.withLock { $0 = ["c"] }
        #expect(try await SyncRun(of: database, with: server, .pull, control).run().pulled == 0)
        #expect(try await database.get("b")?["n"] == 1)
        #expect(try await database.get("c") == nil)
        // Another server knows nothing of them.
        #expect(try await database.replica.passedOver(of: "server").map(\.text) == ["c"])
        #expect(try await database.replica.passedOver(of: "other").isEmpty)
        server.poison.withLock { $0 = [] }
        _ = try await SyncRun(of: database, with: server, .pull, control).run()
        #expect(try await database.get("c")?["n"] == 1)
        #expect(try await !database.replica.hasPassedOver())
    }

    @Test func `a live pull asks again by itself`() async throws {
        let server = FailingReader()
        try await server.base.base.put(DocumentID(stored: "a"), ["n": 1])
        server.poison.withLock { $0 = ["a"] }
        var options = SyncOptions.live
        options.longestPause = .seconds(1)
        let events = control.events.listen()
        let run = SyncRun(of: database, with: server, options, control)
        let task = Task { try await run.run() }
        for await event in events { if case .documentNotTaken = event { break } }
        server.poison.withLock { $0 = [] }
        for try await _ in database.changes() where try await database.get("a") != nil { break }
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
        #expect(try await !database.replica.hasPassedOver())
    }
}
