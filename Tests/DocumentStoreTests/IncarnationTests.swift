import CouchProtocol
import Postgres
import TestSupport
import Testing

@testable import DocumentStore

/// How a restored database is told from the one that devices know.
@Suite(.database) struct IncarnationTests {
    @Test func `the same PostgreSQL changes nothing, another one does, once, in every database`() async throws {
        let store = try await TestStore.make()
        try await store.store.createDatabase("second")
        let before = try await (store.store.database("db"), store.store.database("second"))
        for _ in 0..<2 { #expect(try await !store.store.noticeRestore()) }
        #expect(try await store.store.database("db") == before.0)
        for identity in ["1 00000001 1", ""] {
            try await store.store.client.execute("UPDATE cluster_identity SET identity = \(identity)")
            let another = try await store.another()
            let noticed = try await [store.store.noticeRestore(), another.store.noticeRestore()]
            #expect(noticed == [true, false])
            await another.close()
        }
        let after = try await (store.store.database("db"), store.store.database("second"))
        #expect(Set([before.0, before.1, after.0, after.1].map(\.incarnation)).count == 4)
        #expect(after.0.originalIncarnation == before.0.incarnation)
        #expect(after.1.originalIncarnation == before.1.incarnation)
        await store.close()
    }

    @Test func `who comes with a place of before begins anew, though the database has counted past it`() async throws {
        let store = try await TestStore.make()
        for number in 0..<3 { try await store.put("d\(number)") }
        let token = store.database.token(FeedPosition(2))
        #expect(store.database.position(of: token) == FeedPosition(2))
        try await store.store.renewIncarnations()
        let restored = try await store.store.recentDatabase("db")
        #expect(restored.position(of: token) == .beginning)
        #expect(restored.position(of: restored.token(FeedPosition(2))) == FeedPosition(2))
        await store.close()
    }
}
