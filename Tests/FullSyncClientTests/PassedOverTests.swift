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
    ///
    /// - Parameter isThere: Whether it answers anything else.
    private static func server(
        failingWith poison: Set<String>,
        isThere: Bool = true,
        _ asked: @escaping @Sendable () -> Void = {}
    ) throws -> HTTPReplica {
        let session = HTTPSession(address: try ServerAddress(parsing: "http://server")) { request, _ in
            asked()
            guard request.path == "/db/_bulk_get" else {
                guard isThere else { throw TransportError("It is away.") }
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
        #expect(failed.sorted() == ["d11", "d3"] && tries == 4)
    }

    /// The errors of one document that is asked for time after time.
    private static func errors(of replica: HTTPReplica, _ count: Int) async throws -> [CouchError] {
        var errors: [CouchError] = []
        for _ in 0..<count {
            for case .failure(_, _, let error) in try await replica.fetch(try requests(1)) { errors.append(error) }
        }
        return errors
    }

    @Test func `one document that is asked for alone is passed over after more patience`() async throws {
        let errors = try await Self.errors(of: try Self.server(failingWith: ["d0"]), 8)
        #expect(errors.map(\.isPassedOver) == [Bool](repeating: false, count: 7) + [true])
        #expect(errors.dropLast().allSatisfy(RetryPolicy.mayPass))
    }

    @Test func `a server that is away passes over nothing, however often it is asked`() async throws {
        let replica = try Self.server(failingWith: ["d0"], isThere: false)
        for _ in 0..<30 { await #expect(throws: CouchError.self) { try await replica.fetch(try Self.requests(1)) } }
    }

    @Test func `an error that stands in an answer counts once`() async throws {
        let session = HTTPSession(address: try ServerAddress(parsing: "http://server")) { _, _ in
            let error = #"{"id":"d1","rev":"1-aa","error":"internal_server_error","reason":"It cannot be read."}"#
            let results = [
                #"{"id":"d0","docs":[{"ok":{"_id":"d0","_rev":"1-aa"}}]}"#,
                #"{"id":"d1","docs":[{"error":\#(error)}]}"#,
            ]
            let answer = #"{"results":[\#(results.joined(separator: ","))]}"#
            return HTTPClientResponse(body: .bytes(ByteBuffer(string: answer)))
        }
        let replica = HTTPReplica(session: session, database: "db")
        var isPassedOver: [Bool] = []
        for _ in 0..<3 {
            for case .failure(let id, _, let error) in try await replica.fetch(try Self.requests(2)) {
                #expect(id.text == "d1")
                isPassedOver.append(error.isPassedOver)
            }
        }
        #expect(isPassedOver == [false, false, true])
    }

    @Test func `a document is passed over whose large attachment the server cannot give`() async throws {
        let session = HTTPSession(address: try ServerAddress(parsing: "http://server")) { request, _ in
            guard request.path != "/db/d0/x" else {
                throw CouchError(status: 500, error: "internal_server_error", reason: "It cannot be read.")
            }
            guard request.path == "/db/_bulk_get" else {
                return HTTPClientResponse(body: .bytes(ByteBuffer(string: #"{"update_seq":1}"#)))
            }
            let stub = #"{"content_type":"a/b","revpos":1,"digest":"md5-x","length":600000,"stub":true}"#
            let document = #"{"_id":"d0","_rev":"1-aa","_attachments":{"x":\#(stub)}}"#
            let answer = #"{"results":[{"id":"d0","docs":[{"ok":\#(document)}]}]}"#
            return HTTPClientResponse(body: .bytes(ByteBuffer(string: answer)))
        }
        let device = database.replica
        let replica = HTTPReplica(session: session, database: "db").remembering(in: device)
        let target = PullTarget(base: device, server: ServerWatch(replica, device: device))
        var documents: [ReplicatedDocument] = []
        for case .document(let document) in try await replica.fetch(try Self.requests(1)) { documents.append(document) }
        try #require(documents.count == 1)
        for _ in 0..<7 { await #expect(throws: CouchError.self) { try await target.write(documents) } }
        #expect(try await target.write(documents).map(\.error.isPassedOver) == [true])
        #expect(try await device.passedOver(of: replica.identity).map(\.text) == ["d0"])
    }

    @Test func `two documents that fail in one batch, one sooner than the other, are both passed over`() async throws {
        let requests = try Self.requests(20)
        let first = try Self.server(failingWith: ["d3"]).remembering(in: database.replica)
        // It is taken for the network, and then counted twice.
        await #expect(throws: CouchError.self) { try await first.fetch(requests) }
        for _ in 0..<2 { _ = try await first.fetch(requests) }
        let both = try Self.server(failingWith: ["d3", "d11"]).remembering(in: database.replica)
        // While one of them may pass, the whole is asked for again.
        var found: [[String]] = []
        for _ in 0..<3 {
            var passedOver: [String] = []
            for case .failure(let id, _, let error) in try await both.fetch(requests) where error.isPassedOver {
                passedOver.append(id.text)
            }
            found.append(passedOver)
        }
        #expect(found == [["d3"], ["d3"], ["d3", "d11"]])
        // What comes is well.
        let well = try Self.server(failingWith: []).remembering(in: database.replica)
        #expect(try await well.fetch(requests).count == 20)
        #expect(await well.readingTroubles.hasFailed == false)
    }

    /// A server whose documents have each a large attachment, and with some of which it fails.
    private static func server(of ids: [String], _ failures: Failures) throws -> HTTPReplica {
        let content = [UInt8](repeating: 7, count: 600_000)
        let session = HTTPSession(address: try ServerAddress(parsing: "http://server")) { request, _ in
            if let id = ids.first(where: { request.path == "/db/\($0)/x" }) {
                if let error = failures.value.withLock({ $0[id] }) { throw error }
                return HTTPClientResponse(body: .bytes(ByteBuffer(bytes: content)))
            }
            guard request.path == "/db/_bulk_get" else {
                return HTTPClientResponse(body: .bytes(ByteBuffer(string: #"{"update_seq":1}"#)))
            }
            let digest = AttachmentDigest.of(content)
            let stub = #"{"content_type":"a/b","revpos":1,"digest":"\#(digest)","length":600000,"stub":true}"#
            let results = ids.map { id in
                let document = #"{"_id":"\#(id)","_rev":"1-aa","_attachments":{"x":\#(stub)}}"#
                return #"{"id":"\#(id)","docs":[{"ok":\#(document)}]}"#
            }
            let answer = #"{"results":[\#(results.joined(separator: ","))]}"#
            return HTTPClientResponse(body: .bytes(ByteBuffer(string: answer)))
        }
        return HTTPReplica(session: session, database: "db")
    }

    /// With what a server fails now.
    private final class Failures: Sendable {
        let value: Mutex<[String: CouchError]>

        init(_ value: [String: CouchError]) { self.value = Mutex(value) }
    }

    private static func documents(of replica: HTTPReplica, _ count: Int) async throws -> [ReplicatedDocument] {
        var documents: [ReplicatedDocument] = []
        for case .document(let document) in try await replica.fetch(try requests(count)) { documents.append(document) }
        try #require(documents.count == count)
        return documents
    }

    @Test func `two large attachments that cannot be had in one batch hide neither each other nor a good one`()
        async throws
    {
        let failures = Failures(["d0": .internalError, "d1": .internalError])
        let device = database.replica
        let replica = try Self.server(of: ["d0", "d1", "d2"], failures).remembering(in: device)
        let target = PullTarget(base: device, server: ServerWatch(replica, device: device))
        let documents = try await Self.documents(of: replica, 3)
        for _ in 0..<7 {
            await #expect(throws: CouchError.self) { try await target.write(documents) }
            #expect(try await database.all().map(\.key) == ["d2"])
        }
        let failed = try await target.write(documents)
        #expect(failed.map(\.id.text).sorted() == ["d0", "d1"] && failed.allSatisfy(\.error.isPassedOver))
        #expect(try await device.passedOver(of: replica.identity).map(\.text).sorted() == ["d0", "d1"])
        // Asked for again, they are taken as soon as they can be had.
        failures.value.withLock { $0 = [:] }
        #expect(try await target.write(documents).isEmpty)
        #expect(try await database.all().map(\.key) == ["d0", "d1", "d2"])
        #expect(await replica.contentTroubles.hasFailed == false)
    }

    @Test func `a content that came has failed no more`() async throws {
        let failures = Failures(["d0": .internalError])
        let replica = try Self.server(of: ["d0"], failures).remembering(in: database.replica)
        let document = try #require(try await Self.documents(of: replica, 1).first)
        let source = try #require(document.attachments.first?.source)
        for _ in 0..<2 {
            for _ in 0..<7 {
                let error = await #expect(throws: CouchError.self) { try await source.bytes() }
                #expect(error?.isPassedOver == false)
            }
            #expect(await replica.contentTroubles.hasFailed)
            failures.value.withLock { $0 = [:] }
            #expect(try await source.bytes().count == 600_000)
            #expect(await replica.contentTroubles.hasFailed == false)
            #expect(try await database.replica.troubles(.contents, of: replica.identity).isEmpty)
            failures.value.withLock { $0 = ["d0": .internalError] }
        }
    }

    @Test(arguments: [CouchError.missing, .forbidden("It is nobody's.")])
    func `a document is passed over whose attachment the server has lost`(error: CouchError) async throws {
        let replica = try Self.server(of: ["d0"], Failures(["d0": error])).remembering(in: database.replica)
        let documents = try await Self.documents(of: replica, 1)
        for _ in 0..<7 {
            await #expect(throws: TransportError.self) { try await database.replica.write(documents) }
        }
        #expect(try await database.replica.write(documents).map(\.error.isPassedOver) == [true])
    }

    /// A server of which documents are read over HTTP, and all else in memory.
    private struct ReaderOverHTTP: ForwardingReplica {
        let base: ScriptedServer
        let reader: HTTPReplica

        func fetch(_ requests: [CouchProtocol.FetchRequest]) async throws -> [FetchOutcome] {
            try await reader.fetch(requests)
        }
    }

    @Test func `syncs that all fail with the page's last document pass it over, although the application ends`()
        async throws
    {
        let server = ScriptedServer()
        for id in ["a", "b", "c"] { try await server.base.put(DocumentID(stored: id), ["n": 1]) }
        // The others come with the page.
        let poison: JSONObject = ["_attachments": ["x": ["data": "aGVsbG8="]]]
        try await server.base.put(DocumentID(stored: "p"), poison)
        var options = SyncOptions.pull
        options.attempts = 1
        let path = TestDirectory.make("passed-over") + "/db.sqlite"
        var (failures, result): (Int, SyncResult?) = (0, nil)
        while result == nil, failures < 20 {
            let database = FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path))
            let reader = try Self.server(failingWith: ["p"]).remembering(in: database.replica)
            let run = SyncRun(of: database, with: ReaderOverHTTP(base: server, reader: reader), options, control)
            do {
                result = try await run.run()
            } catch {
                #expect(RetryPolicy.mayPass(error))
                failures += 1
            }
            #expect(try await database.all().map(\.key) == ["a", "b", "c"])
            #expect(try await database.replica.passedOver(of: "server").map(\.text) == (result == nil ? [] : ["p"]))
            try database.replica.close()
        }
        #expect(failures == 7 && result?.failed == 1)
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
        /// Documents with which its answer breaks off.
        let breaking = Mutex<Set<String>>([])

        func changes(_ request: ChangesRequest) async throws -> ChangesPage {
            var plain = request
            plain.withDocuments = false
            return try await base.changes(plain)
        }

        func fetch(_ requests: [CouchProtocol.FetchRequest]) async throws -> [FetchOutcome] {
            let poison = poison.withLock { $0 }
            let breaking = breaking.withLock { $0 }
            if requests.contains(where: { breaking.contains($0.id.text) }) { throw TransportError("It breaks off.") }
            let error = CouchError.passedOver(CouchError.internalError)
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
        let refusal = await #expect(throws: CouchError.self) {
            try await database.replica.export(to: URL(fileURLWithPath: file), origin: origin, of: "server")
        }
        #expect(refusal?.error == "precondition_failed" && refusal?.reason.contains("`b`, `c`") == true)
        server.poison.withLock { $0 = ["c"] }
        #expect(try await SyncRun(of: database, with: server, .pull, control).run().pulled == 0)
        #expect(try await database.get("b")?["n"] == 1)
        #expect(try await database.get("c") == nil)
        // Another server knows nothing of them.
        #expect(try await database.replica.passedOver(of: "server").map(\.text) == ["c"])
        #expect(try await database.replica.passedOver(of: "other").isEmpty)
        try await database.replica.export(to: URL(fileURLWithPath: file), origin: origin, of: "other")
        server.poison.withLock { $0 = [] }
        _ = try await SyncRun(of: database, with: server, .pull, control).run()
        #expect(try await database.get("c")?["n"] == 1)
        #expect(try await database.replica.passedOver(of: "server").isEmpty)
    }

    @Test func `an answer that breaks off with one document keeps none behind it from being asked for again`()
        async throws
    {
        let server = FailingReader()
        for id in ["a", "b"] { try await server.base.base.put(DocumentID(stored: id), ["n": 1]) }
        server.poison.withLock { $0 = ["a", "b"] }
        _ = try await SyncRun(of: database, with: server, .pull, control).run()
        #expect(try await database.replica.passedOver(of: "server").map(\.text) == ["a", "b"])
        server.poison.withLock { $0 = [] }
        server.breaking.withLock { $0 = ["a"] }
        _ = try await SyncRun(of: database, with: server, .pull, control).run()
        #expect(try await database.get("b")?["n"] == 1)
        #expect(try await database.replica.passedOver(of: "server").map(\.text) == ["a"])
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
        #expect(try await database.get("a")?["n"] == 1)
    }
}
