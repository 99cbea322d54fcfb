import CouchProtocol
import Foundation
import JSON
import TestSupport
import Testing

@testable import FullSyncClient

/// Answers of sequences that are kept on the device.
@Suite struct AnswerCacheTests {

    @Test func `an answer is found by its call until it is too old`() async throws {
        let path = TestDirectory.make("answers") + "/answers.sqlite"
        let store = try SQLiteReplica(path: path)
        let cache = AnswerCache(store: store)
        let key = cache.key("shop", "list", ["page": 1, "a": [1, 2], "__uuid": "x"])
        #expect(key == cache.key("shop", "list", ["a": [1, 2], "page": 1]))
        #expect(key != cache.key("shop", "list", ["page": 2, "a": [1, 2]]))
        try await AnswerCache(store: store, now: { 1_000 }).keep(["n": 1], for: key)
        let policy = try #require(try CachePolicy(["priority": "LOCAL", "ttl": 60_000]))
        let forever = try #require(try CachePolicy(["priority": "server"]))
        #expect(try await AnswerCache(store: store, now: { 1_060 }).answer(key, policy) == ["n": 1])
        #expect(try await AnswerCache(store: store, now: { 1_061 }).answer(key, policy) == nil)
        #expect(try await AnswerCache(store: store, now: { 9_999_999 }).answer(key, forever) == ["n": 1])
        #expect(try await AnswerCache(store: store, now: { 0 }).answer(Data([1]), forever) == nil)
        // The clock was put back.
        #expect(try await AnswerCache(store: store, now: { 999 }).answer(key, policy) == nil)
        #expect(try await AnswerCache(store: store, now: { 999 }).answer(key, forever) == ["n": 1])
    }

    @Test func `a policy can be switched off, and must make sense`() throws {
        #expect(try CachePolicy(nil) == nil)
        #expect(try CachePolicy(["priority": "local", "enabled": false]) == nil)
        #expect(throws: CouchError.self) { try CachePolicy(["priority": "both"]) }
        #expect(throws: CouchError.self) { try CachePolicy(true) }
    }

    @Test func `a call that cannot reach the server is answered by what was kept, by user`() async throws {
        let directory = URL(fileURLWithPath: TestDirectory.make("answers"))
        let client = try FullSyncClient(server: "http://127.0.0.1:9", directory: directory)
        let parameters: JSONObject = ["page": 1, "__localCache": ["priority": "server"]]
        await #expect(throws: FullSyncError.self) { try await client.call("shop.list", parameters) }
        let cache = try await client.answers()
        try await cache.keep(["kept": true], for: cache.key("shop", "list", ["page": 1]))
        #expect(try await client.call("shop.list", parameters) == ["kept": true])
        await #expect(throws: FullSyncError.self) { try await client.call("shop.list", ["page": 1]) }
    }

    @Test func `a key that is given later takes the place of what was kept in the clear`() async throws {
        let directory = URL(fileURLWithPath: TestDirectory.make("answers"))
        let clear = try FullSyncClient(server: "http://127.0.0.1:9", directory: directory)
        let before = try await clear.answers()
        let name = before.key("shop", "list", [:])
        try await before.keep(["text": "Wintergarten"], for: name)
        try await clear.close()
        let client = try FullSyncClient(
            server: "http://127.0.0.1:9",
            directory: directory,
            encryptionKey: Data("0123456789abcdef".utf8)
        )
        let cache = try await client.answers()
        let key = cache.key("shop", "list", [:])
        #expect(key != name, "without the application's key nobody can tell what was called")
        #expect(try await cache.answer(key, try #require(try CachePolicy(["priority": "local"]))) == nil)
        try await cache.keep(["kept": true], for: key)
        #expect(try await client.call("shop.list", ["__localCache": ["priority": "local"]]) == ["kept": true])
        try await client.close()
        let file = directory.appendingPathComponent("nobody/_answers.sqlite")
        #expect(try Data(contentsOf: file).range(of: Data("Wintergarten".utf8)) == nil)
    }
}
