import CouchProtocol
import Dispatch
import Foundation
import JSON
import Synchronization
import TestSupport
import Testing

@testable import FullSyncClient

/// What a handler was told, in order.
private final class Told: Sendable {
    private let lines = Mutex<[String]>([])
    private let stream: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func add(_ line: String) {
        lines.withLock { $0.append(line) }
        continuation.yield(line)
    }

    /// What was told so far.
    var all: [String] { lines.withLock { $0 } }

    /// Waits until that was told, and returns everything up to it.
    func wait(for line: String) async -> [String] {
        var seen: [String] = []
        for await next in stream {
            seen.append(next)
            if next == line { break }
        }
        return seen
    }
}

extension FullSyncRequest {
    /// Tells everything to one list, on a queue.
    @discardableResult
    fileprivate func tell(_ told: Told, on queue: DispatchQueue) -> Self {
        onResponse(on: queue) { told.add("response \($0["n"]?.text ?? "")") }
            .onProgress(on: queue) { told.add("progress \($0["n"]?.text ?? "")") }
            .onFailure(on: queue) { told.add("failure \($0.error)") }
    }
}

/// What handlers of a request may rely on, whatever the call is.
@Suite(.timeLimit(.minutes(10))) struct RequestLawTests {
    private let queue = DispatchQueue(label: "handlers")
    private let told = Told()

    /// What has been told to the queue is told when this returns.
    private func settle() { queue.sync {} }

    @Test func `a call that returns tells one response and nothing behind it`() {
        let request = FullSyncRequest().tell(told, on: queue)
        request.told(["n": 1])
        request.returned(["n": 2])
        request.returned(["n": 3])
        request.told(["n": 4])
        request.ended(CancellationError())
        settle()
        #expect(told.all == ["progress 1", "response 2"])
    }

    @Test func `a call that fails tells one failure and nothing behind it`() {
        let request = FullSyncRequest().tell(told, on: queue)
        request.ended(FullSyncError(CouchError.notFound("no")))
        request.ended(CancellationError())
        request.returned([:])
        settle()
        #expect(told.all == ["failure not_found"])
    }

    @Test func `a call that goes on tells many responses, and a failure as the last`() {
        let request = FullSyncRequest().tell(told, on: queue)
        request.goesOn {}
        for number in 0..<3 { request.answered(["n": .number(JSONNumber(number))]) }
        request.returned(["n": 0])
        request.answered(["n": 3])
        request.ended(CancellationError())
        request.answered(["n": 4])
        settle()
        #expect(told.all == (0...3).map { "response \($0)" } + ["failure cancelled"])
    }

    @Test func `a handler that is added late is told what there is`() {
        let request = FullSyncRequest()
        request.goesOn {}
        request.answered(["n": 1])
        request.answered(["n": 2])
        request.told(["n": 3])
        request.tell(told, on: queue)
        settle()
        #expect(told.all == ["response 2", "progress 3"], "the newest stands for those before")
        request.answered(["n": 4])
        request.ended(CancellationError())
        let late = Told()
        request.tell(late, on: queue)
        settle()
        #expect(late.all == ["response 4", "failure cancelled"])
    }

    @Test func `no handler begins after a cancel, and what is under way ends once`() {
        let ends = Mutex(0)
        let request = FullSyncRequest().tell(told, on: queue)
        request.begins { ends.withLock { $0 += 1 } }
        queue.sync {
            // The queue is busy with this, so the response waits.
            request.answered(["n": 1])
            request.cancel()
        }
        request.cancel()
        request.returned(["n": 2])
        request.ended(CancellationError())
        request.tell(told, on: queue)
        settle()
        #expect(told.all == [])
        #expect(ends.withLock { $0 } == 1)
        request.goesOn { ends.withLock { $0 += 1 } }
        #expect(ends.withLock { $0 } == 2, "what begins after the cancel is ended at once")
    }

    @Test(arguments: [0, 1, 2]) func `a request that has ended holds nobody`(way: Int) {
        /// As an application may have it: what goes ends its request, which is at that moment letting go of it.
        final class Screen: Sendable {
            let request: FullSyncRequest

            init(_ request: FullSyncRequest) { self.request = request }

            deinit { request.cancel() }
        }
        weak var shown: Screen?
        let request = FullSyncRequest()
        do {
            let screen = Screen(request)
            shown = screen
            request.onResponse(on: queue) { _ in _ = screen }
                .onProgress(on: queue) { _ in _ = screen }
                .onFailure(on: queue) { _ in _ = screen }
            request.begins { _ = screen }
        }
        #expect(shown != nil, "it is held as long as something can come")
        switch way {
        case 0: request.returned([:])
        case 1: request.ended(CancellationError())
        default: request.cancel()
        }
        settle()
        #expect(shown == nil)
    }

    @Test func `handlers of a concurrent queue run one after the other, in order`() async {
        let concurrent = DispatchQueue(label: "many", attributes: .concurrent)
        let inside = Mutex(0)
        let overlaps = Mutex(0)
        let request = FullSyncRequest()
        request.goesOn {}
        @Sendable func handle(_ kind: String, _ value: JSONValue) {
            let count = inside.withLock { inside in
                inside += 1
                return inside
            }
            if count > 1 { overlaps.withLock { $0 += 1 } }
            told.add("\(kind) \(value["n"]?.text ?? "")")
            inside.withLock { $0 -= 1 }
        }
        request.onResponse(on: concurrent) { handle("response", $0) }
            .onProgress(on: concurrent) { handle("progress", $0) }
        for number in 0..<500 {
            request.told(["n": .number(JSONNumber(number))])
            request.answered(["n": .number(JSONNumber(number))])
        }
        let seen = await told.wait(for: "response 499")
        #expect(seen == (0..<500).flatMap { ["progress \($0)", "response \($0)"] })
        #expect(overlaps.withLock { $0 } == 0)
    }

    @Test func `handlers are the main actor's where no queue is named`() async {
        let request = FullSyncRequest()
        request.onResponse { [told] value in
            MainActor.assertIsolated()
            told.add("response \(value["n"]?.text ?? "")")
        }
        request.goesOn {}
        for number in 0..<100 { request.answered(["n": .number(JSONNumber(number))]) }
        request.onFailure { [told] error in told.add("failure \(error.error)") }
        request.ended(CancellationError())
        let seen = await told.wait(for: "failure cancelled")
        #expect(seen == (0..<100).map { "response \($0)" } + ["failure cancelled"])
    }

    @Test @MainActor func `on the main actor nothing is told behind a cancel`() async {
        let request = FullSyncRequest()
        request.onResponse { [told] _ in told.add("response") }
        request.answered([:])
        request.cancel()
        // Begins behind the job that was there before the cancel.
        let other = FullSyncRequest()
        other.onResponse { [told] _ in told.add("other") }
        other.answered([:])
        #expect(await told.wait(for: "other") == ["other"])
    }
}

/// Calls of a client whose answers come to handlers.
@Suite(.timeLimit(.minutes(10))) struct RequestTests {
    private let client: FullSyncClient
    private let queue = DispatchQueue(label: "handlers")
    private let told = Told()

    init() throws {
        // Port 9 is nobody's.
        client = try FullSyncClient(
            server: "http://127.0.0.1:9",
            directory: URL(fileURLWithPath: TestDirectory.make("requests")),
            defaultDatabase: "db"
        )
    }

    @Test func `a call begins by itself and answers as it does when it is waited for`() async throws {
        client.request("fs://.post", ["_id": "a", "n": 7]).onResponse { [told] answer in
            MainActor.assertIsolated()
            told.add(answer["id"]?.text ?? "")
        }
        _ = await told.wait(for: #""a""#)
        client.request("fs://.get", ["docid": "a"]).tell(told, on: queue).onFailure { _ in Issue.record("no failure") }
        #expect(await told.wait(for: "response 7") == ["response 7"])
        client.request("fs://.get", ["docid": "none"]).tell(told, on: queue)
        #expect(await told.wait(for: "failure not_found") == ["failure not_found"])
        client.request("nothing").tell(told, on: queue)
        #expect(await told.wait(for: "failure bad_request") == ["failure bad_request"])
    }

    @Test func `a live call tells each new answer, and its failure as the last`() async throws {
        let design: JSONObject = [
            "_id": "_design/d", "views": ["v": ["map": "function (doc) { emit(doc.n) }", "reduce": "_count"]],
        ]
        try await client.call("fs://.post", design)
        let request = client.request("fs://.view#list", ["ddoc": "d", "view": "v", "__live": "x"])
        request.onResponse(on: queue) { [told] in told.add($0["rows"]?.arrayValue?.first?["value"]?.text ?? "none") }
            .onFailure(on: queue) { [told] in told.add($0.error) }
        _ = await told.wait(for: "none")
        for number in 1...3 {
            try await client.call("fs://.post", ["n": .number(JSONNumber(number))])
            _ = await told.wait(for: String(number))
        }
        try await client.call("fs://.delete", ["docid": "_design/d"])
        _ = await told.wait(for: "not_found")
        #expect(told.all == ["none", "1", "2", "3", "not_found"])
        try await eventually("it is forgotten") { await client.lives.isEmpty }
    }

    @Test func `a live call ends when it is cancelled, and fails when others end it`() async throws {
        let mine = client.request("fs://.all", ["__live": "mine"]).tell(told, on: queue)
        _ = await told.wait(for: "response ")
        mine.cancel()
        try await eventually("the repetition has ended") { await client.lives.isEmpty }
        client.request("fs://.all", ["__live": "other"]).tell(told, on: queue)
        _ = await told.wait(for: "response ")
        await client.cancelLive("other")
        #expect(await told.wait(for: "failure cancelled") == ["failure cancelled"])
        client.request("fs://.all", ["__live": "last"]).tell(told, on: queue)
        _ = await told.wait(for: "response ")
        try await client.close()
        #expect(await told.wait(for: "failure cancelled") == ["failure cancelled"])
    }

    @Test func `two live calls of one name are one repetition, and the first is told that it has ended`() async throws {
        let first = Told()
        client.request("fs://.all", ["__live": "x"]).tell(first, on: queue)
        _ = await first.wait(for: "response ")
        let second = client.request("fs://.all", ["__live": "x"]).tell(told, on: queue)
        #expect(await first.wait(for: "failure cancelled").last == "failure cancelled")
        _ = await told.wait(for: "response ")
        #expect(await client.lives.count == 1)
        second.cancel()
        try await eventually("the repetition has ended") { await client.lives.isEmpty }
    }

    @Test func `a cancel ends a sync that has begun`() async throws {
        let request = client.request("fs://.replicate_pull", ["continuous": true])
        let key = FullSyncClient.SyncKey(
            database: FullSyncClient.DatabaseKey(user: nil, name: "db"),
            direction: .pull
        )
        request.onProgress(on: queue) { [told] in told.add($0["direction"]?.text ?? "") }
            .onFailure(on: queue) { [told] in told.add($0.error) }
        _ = await told.wait(for: #""pull""#)
        let sync = try #require(await client.syncs[key])
        request.cancel()
        // Without it the sync would try again, with pauses, for ever.
        await #expect(throws: CancellationError.self) { try await sync.result }
        queue.sync {}
        #expect(!told.all.contains("cancelled"))
    }

    @Test func `listeners are told what others ask, until they are cancelled`() async throws {
        let (mine, other) = (Told(), Told())
        let listener = client.listen(to: "fs://.get#mine", on: queue) { mine.add($0["_id"]?.text ?? "") }
        client.listen(to: "fs://.get#other") { answer in
            MainActor.assertIsolated()
            other.add(answer["_id"]?.text ?? "")
        }
        for id in ["a", "b"] { try await client.call("fs://.post", ["_id": .string(id)]) }
        try await client.call("fs://.get#mine", ["docid": "a"])
        try await client.call("fs://.get#other", ["docid": "a"])
        #expect(await mine.wait(for: #""a""#) == [#""a""#])
        #expect(await other.wait(for: #""a""#) == [#""a""#])
        listener.cancel()
        try await client.call("fs://.get#mine", ["docid": "b"])
        try await client.call("fs://.get#other", ["docid": "b"])
        #expect(await other.wait(for: #""b""#) == [#""b""#])
        #expect(mine.all == [#""a""#])
        let events = Told()
        client.listenToEvents(on: queue) { events.add("\($0)") }
        client.suspend()
        _ = await events.wait(for: "suspended")
    }

    @Test func `what is heard ends with the client`() async throws {
        var client: FullSyncClient? = try FullSyncClient(
            server: "http://127.0.0.1:9",
            directory: URL(fileURLWithPath: TestDirectory.make("ends"))
        )
        let responses = try #require(client?.responses(to: "fs://.get"))
        client = nil
        for await _ in responses { Issue.record("nobody can ask") }
    }
}
