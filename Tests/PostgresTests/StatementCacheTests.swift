import TestSupport
import Testing

@testable import Postgres

@Suite struct StatementCacheTests {
    private func key(_ number: Int) -> StatementCache.Key {
        StatementCache.Key(sql: "SELECT \(number)", types: [])
    }

    @Test func `it holds what was used last, and names what is dropped exactly once`() {
        var random = SeededGenerator.announced()
        var cache = StatementCache(capacity: 16)
        var atServer: Set<String> = []
        for _ in 0..<10_000 {
            let key = key(.random(in: 0..<40, using: &random))
            if let name = cache.name(for: key) {
                #expect(atServer.contains(name))
            } else {
                let name = cache.newName()
                #expect(atServer.insert(name).inserted)
                for dropped in cache.insert(key, name: name) { #expect(atServer.remove(dropped) != nil) }
            }
            #expect(cache.name(for: key) != nil)
            #expect(cache.count <= 16)
            #expect(cache.count == atServer.count)
        }
    }

    @Test func `the same text with other parameter types is another statement`() {
        var cache = StatementCache(capacity: 4)
        _ = cache.insert(StatementCache.Key(sql: "SELECT $1", types: [.int8]), name: "a")
        #expect(cache.name(for: StatementCache.Key(sql: "SELECT $1", types: [.text])) == nil)
    }
}
