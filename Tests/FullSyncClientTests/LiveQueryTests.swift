import CouchProtocol
import Foundation
import JSON
import TestSupport
import Testing

@testable import FullSyncClient

/// Queries that are answered again when something changes that matters to them.
@Suite(.timeLimit(.minutes(10))) struct LiveQueryTests {
    private let database: FullSyncDatabase

    init() throws {
        let path = TestDirectory.make("live") + "/db.sqlite"
        database = FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path))
    }

    @Test func `a document is told when it changes, and no other`() async throws {
        var answers = database.liveDocument("a").makeAsyncIterator()
        #expect(try await answers.next() == .some(nil))
        try await database.post(["_id": "other"])
        try await database.post(["_id": "a", "n": 1])
        #expect(try await answers.next()??["n"] == 1)
        try await database.delete("a")
        #expect(try await answers.next() == .some(nil))
    }

    @Test func `rows of a view are told when they differ`() async throws {
        try await database.post(["_id": "_design/x", "views": ["v": ["map": "function (doc) { emit(doc.n, null) }"]]])
        try await database.post(["_id": "a", "n": 1])
        var answers = database.liveView("x", "v").makeAsyncIterator()
        #expect(try await answers.next()?.rows.map(\.key) == [1])
        // This one changes a document and no row.
        try await database.post(["_id": "a", "n": 1, "other": true], policy: .override)
        try await database.post(["_id": "b", "n": 0])
        #expect(try await answers.next()?.rows.map(\.key) == [0, 1])
        try await database.post(
            ["_id": "_design/x", "views": ["v": ["map": "function (doc) { emit(-doc.n, null) }"]]],
            policy: .override
        )
        #expect(try await answers.next()?.rows.map(\.key) == [-1, 0])
    }

    @Test func `what a selector finds is told when it becomes another`() async throws {
        try await database.post(["_id": "a", "open": true])
        var answers = database.liveFind(["selector": ["open": true]]).makeAsyncIterator()
        #expect(try await answers.next()?.documents.map { $0["_id"] } == ["a"])
        try await database.post(["_id": "no", "open": false])
        try await database.post(["_id": "b", "open": true])
        #expect(try await answers.next()?.documents.map { $0["_id"] } == ["a", "b"])
        try await database.post(["_id": "a", "open": false], policy: .override)
        #expect(try await answers.next()?.documents.map { $0["_id"] } == ["b"])
    }

    @Test func `a change that cannot matter makes no query`() async throws {
        var watch = LiveWatch(replica: database.replica, concern: .documents(["a"]))
        try await watch.begin()
        try await database.post(["_id": "b"])
        #expect(try await watch.next(shown: nil) == false)
        try await database.post(["_id": "a"])
        #expect(try await watch.next(shown: nil))
        var options = ListOptions()
        (options.startKey, options.endKey) = ("b", "c")
        watch = LiveWatch(replica: database.replica, concern: .list(options))
        try await watch.begin()
        try await database.post(["_id": "d"])
        #expect(try await watch.next(shown: nil) == false)
        watch = LiveWatch(
            replica: database.replica,
            concern: .find(["selector": ["n": 1]], rules: database.replica.rules)
        )
        try await watch.begin()
        try await database.post(["_id": "e", "n": 2])
        #expect(try await watch.next(shown: ["a"]) == false)
        try await database.post(["_id": "e", "n": 1], policy: .override)
        #expect(try await watch.next(shown: ["a"]))
        try await database.post(["_id": "b", "n": 3], policy: .override)
        #expect(try await watch.next(shown: ["b"]), "one that was in the answer")
    }

    @Test func `a call is repeated for its listeners until it is cancelled`() async throws {
        let client = try FullSyncClient(
            server: "http://127.0.0.1:9",
            directory: URL(fileURLWithPath: TestDirectory.make("live-calls")),
            defaultDatabase: "db"
        )
        var told = client.responses(to: "fs://.all#list").makeAsyncIterator()
        let first = try await client.call("fs://.all#list", ["__live": "mine"])
        #expect(first["rows"] == [])
        #expect(await told.next()?["rows"] == [])
        try await client.call("fs://.post", ["_id": "a"])
        let next = await told.next()
        #expect(next?["rows"]?.arrayValue?.map { $0["id"] } == ["a"] && next?["__fromLive"] == "mine")
        await client.cancelLive("mine")
        #expect(await client.lives.isEmpty)
    }

    @Test func `a list is told anew when one of its documents comes, changes or goes`() async throws {
        var options = ListOptions()
        options.startKey = "b"
        var answers = database.liveAll(options).makeAsyncIterator()
        #expect(try await answers.next()?.isEmpty == true)
        try await database.post(["_id": "b", "n": 1])
        #expect(try await answers.next()?.map(\.key) == ["b"])
        try await database.post(["_id": "a"])
        try await database.post(["_id": "c"])
        #expect(try await answers.next()?.map(\.key) == ["b", "c"])
        try await database.delete("b")
        #expect(try await answers.next()?.map(\.key) == ["c"])
    }
}
