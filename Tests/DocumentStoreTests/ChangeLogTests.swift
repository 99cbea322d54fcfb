import CouchProtocol
import TestSupport
import Testing

@testable import DocumentStore

/// What those find who begin where the change log does not reach any more.
@Suite(.database) struct ChangeLogTests {
    @Test func `a follower from the beginning finds each document once, whatever of the log was pruned`() async throws {
        var generator = SeededGenerator.announced()
        let store = try await TestStore.make()
        var lastChange: [String: Int] = [:]
        var revisions: [String: RevisionID] = [:]
        for number in 0..<60 {
            let id = "doc-\(Int.random(in: 0..<12, using: &generator))"
            revisions[id] = try await store.put(id, #"{"n":\#(number)}"#, after: revisions[id])
            lastChange[id] = try await store.store.info(store.database).updateSeq
        }
        let end = try await store.store.info(store.database).updateSeq
        #expect(try await store.store.startOfChangeLog(of: store.database) == 0)
        #expect(try await store.store.unloggedChanges(in: store.database, since: 0, limit: 100).isEmpty)
        for pruned in [20, 45, end] {
            _ = try await store.store.pruneChangeLog(
                of: store.database,
                through: pruned,
                olderThan: .zero,
                limit: 1_000
            )
            #expect(try await store.store.startOfChangeLog(of: store.database) == pruned)
            let behind = try await store.store.unloggedChanges(in: store.database, since: 0, limit: 100)
            let logged = try await store.store.committedChanges(in: store.database, since: pruned, limit: 100)
            #expect(behind.map(\.seq) == lastChange.values.filter { $0 <= pruned }.sorted())
            #expect(logged.map(\.seq) == Array(pruned..<end).map { $0 + 1 })
            #expect(Set((behind + logged).map(\.id.text)) == Set(lastChange.keys))
            let place = behind.first?.seq ?? 0
            let some = try await store.store.unloggedChanges(in: store.database, since: place, limit: 1)
            #expect(some.map(\.seq) == behind.dropFirst().prefix(1).map(\.seq))
            #expect(
                try await store.store.countChanges(in: store.database, since: 0, limit: 1_000) == end - pruned
            )
        }
        await store.close()
    }
}
