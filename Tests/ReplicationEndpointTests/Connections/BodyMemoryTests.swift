import CouchProtocol
import Testing

@testable import ReplicationEndpoint

/// How many bytes of bodies are in memory at once.
@Suite struct BodyMemoryTests {
    @Test func `all together have so much, one caller a quarter, and what was read is given back`() throws {
        let memory = BodyMemory(limit: 400)
        let mine = BodyShare(of: memory, for: "ann")
        try mine.take(60)
        try mine.take(40)
        #expect(throws: CouchError.self) { try mine.take(1) }
        #expect(throws: CouchError.self) { try BodyShare(of: memory, for: "ann").take(1) }
        var others: [BodyShare] = []
        for name in ["ben", "cay", "dan"] {
            others.append(BodyShare(of: memory, for: name))
            try others.last?.take(100)
        }
        let full = #expect(throws: CouchError.self) { try BodyShare(of: memory, for: "eve").take(1) }
        #expect(full?.status == 503)
        others = []
        #expect(memory.total == 100)
        try BodyShare(of: memory, for: "eve").take(100)
        #expect(memory.total == 100)
        withExtendedLifetime(mine) {}
    }

    @Test func `what comes and goes while a body is read is counted as it is`() throws {
        let memory = BodyMemory(limit: 400)
        let share = BodyShare(of: memory, for: "ann")
        for bytes in [70, 100, 10, 10, 90] {
            try share.hold(bytes)
            #expect(memory.total == bytes)
        }
        #expect(throws: CouchError.self) { try share.hold(101) }
        #expect(memory.total == 90)
    }
}
