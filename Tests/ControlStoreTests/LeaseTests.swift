import Postgres
import TestSupport
import Testing

@testable import ControlStore

/// The right to do something alone for a while.
@Suite(.database) struct LeaseTests {
    @Test func `one holder has a lease, and its end is noticed by the token`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let leases = try await withThrowingTaskGroup(of: Lease?.self) { group in
            for holder in 0..<8 {
                group.addTask { try await control.acquireLease("l", holder: "h\(holder)", for: .seconds(60)) }
            }
            return try await group.reduce(into: [Lease]()) { if let lease = $1 { $0.append(lease) } }
        }
        let old = try #require(leases.first)
        #expect(leases.count == 1)
        #expect(try await control.acquireLease("l", holder: old.holder, for: .seconds(60)) == old)
        try await control.advance("f", in: "db", to: Position(incarnation: "i", seq: 5), under: old)
        // Its time is over, and another one comes.
        try await store.client.execute("UPDATE leases SET until = now() - interval '1 second'")
        let new = try #require(try await control.acquireLease("l", holder: "new", for: .seconds(60)))
        #expect(new.token > old.token)
        await #expect(throws: LeaseLost.self) {
            try await control.advance("f", in: "db", to: Position(incarnation: "i", seq: 9), under: old)
        }
        try await control.release(old)
        #expect(try await control.acquireLease("l", holder: "third", for: .seconds(60)) == nil)
        try await control.advance("f", in: "db", to: Position(incarnation: "i", seq: 6), under: new)
        #expect(try await control.position(of: "f", in: "db") == Position(incarnation: "i", seq: 6))
        #expect(try await control.position(of: "f", in: "other") == nil)
        try await control.release(new)
        let third = try #require(try await control.acquireLease("l", holder: "third", for: .seconds(60)))
        #expect(third.token > new.token)
        await store.close()
    }

    @Test func `who is there is known in each group, until it leaves or says so no more`() async throws {
        let store = try await TestControl.make()
        let (control, hour) = (store.control, Duration.seconds(3_600))
        #expect(try await control.join(["", "p"], as: "a", for: hour) == ["": ["a"], "p": ["a"]])
        #expect(try await control.join(["", "p/q"], as: "b", for: hour) == ["": ["a", "b"], "p/q": ["b"]])
        #expect(try await control.join(["p"], as: "b", for: hour) == ["p": ["a", "b"]])
        // It is in one group only now.
        #expect(try await control.join(["", "p/q"], as: "a", for: hour) == ["": ["a"], "p/q": ["a"]])
        try await control.leave(as: "b")
        #expect(try await control.join(["p"], as: "c", for: .seconds(-1)) == ["p": ["c"]])
        // Whose time is over is not there, and is forgotten some time later.
        #expect(try await control.join(["p"], as: "a", for: hour) == ["p": ["a"]])
        #expect(try await store.scalar("SELECT count(*) FROM leases", as: Int64.self) == 2)
        try await store.client.execute("UPDATE leases SET until = now() - interval '2 hours' WHERE holder = 'c'")
        #expect(try await control.join(["p"], as: "a", for: hour) == ["p": ["a"]])
        #expect(try await store.scalar("SELECT count(*) FROM leases", as: Int64.self) == 1)
        await store.close()
    }

    @Test func `a follower's position moves with what it is for, or not at all`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let lease = try #require(try await control.acquireLease("l", holder: "a", for: .seconds(60)))
        try await store.client.execute("UPDATE leases SET until = now() - interval '1 second'")
        _ = try await control.acquireLease("l", holder: "b", for: .seconds(60))
        await #expect(throws: LeaseLost.self) {
            try await store.client.transaction(attempts: 1) { connection in
                let move = control.move("f", in: "db", to: Position(incarnation: "i", seq: 3), under: lease)
                let rows = try await connection.pipeline(control.insert([.work()]) + [move])
                guard rows.last?.affected == 1 else { throw LeaseLost(lease) }
            }
        }
        #expect(try await store.scalar("SELECT count(*) FROM runs", as: Int64.self) == 0)
        #expect(try await control.position(of: "f", in: "db") == nil)
        await store.close()
    }

    @Test(
        arguments: [
            // Never here; where the log still reaches to; just behind that; in an earlier life of the database.
            (nil, 9), (Position(incarnation: "i", seq: 4), 4), (Position(incarnation: "i", seq: 3), 9),
            (Position(incarnation: "before", seq: 8), 9),
        ] as [(Position?, Int)]
    )
    func `a follower that comes back goes on where the log still has all for it, and else begins anew`(
        kept: Position?,
        begins: Int
    ) async throws {
        let store = try await TestControl.make()
        let control = store.control
        if let kept { try await control.start("f", in: "db", at: kept) }
        let new = Position(incarnation: "i", seq: 9)
        try await store.client.execute(ControlStore.comeback(of: "f", in: "db", at: new, logStart: 4))
        #expect(try await control.position(of: "f", in: "db") == Position(incarnation: "i", seq: begins))
        await store.close()
    }
}
