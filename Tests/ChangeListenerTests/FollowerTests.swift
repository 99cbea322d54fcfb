import ControlStore
import DocumentStore
import Foundation
import Postgres
import TestSupport
import Testing

@testable import ChangeListener

/// Who follows a database while its changes take long.
@Suite(.database) struct FollowerTests {
    @Test func `a lease is renewed while changes are handled`() async throws {
        let listening = try await TestListening.make()
        try await listening.write("a")
        let renewed = AsyncStream<Bool>.makeStream()
        let follower = listening.follower(holder: "h", lease: .seconds(600), renewal: .milliseconds(10))
        let following = Task {
            await follower.run { _, _, position, lease in
                // The lease as it was when the changes came; only a renewal moves its end.
                let before = try await listening.endOfLease()
                try await eventually("the lease is renewed") { try await listening.endOfLease() > before }
                try await listening.control.advance(
                    TestListening.follower,
                    in: "d",
                    to: position,
                    under: lease
                )
                renewed.continuation.yield(try await listening.endOfLease() > before)
            }
        }
        var iterator = renewed.stream.makeAsyncIterator()
        #expect(await iterator.next() == true)
        following.cancel()
        await following.value
        await listening.close()
    }

    @Test func `who loses the lease leaves off what it handles`() async throws {
        let listening = try await TestListening.make()
        try await listening.write("a")
        let events = AsyncStream<String>.makeStream()
        let follower = listening.follower(holder: "h", lease: .seconds(600), renewal: .milliseconds(10))
        let following = Task {
            await follower.run { _, _, _, _ in
                events.continuation.yield("begun")
                // Nothing ever comes of it: only a cancellation ends it.
                for await _ in AsyncStream<Never>.makeStream().stream {}
                events.continuation.yield("left off")
                throw CancellationError()
            }
        }
        var iterator = events.stream.makeAsyncIterator()
        #expect(await iterator.next() == "begun")
        try await listening.giveLease(to: "another")
        #expect(await iterator.next() == "left off")
        following.cancel()
        await following.value
        await listening.close()
    }
}

extension TestListening {
    /// When the follower's lease ends unless it is renewed.
    fileprivate func endOfLease() async throws -> Date {
        let name = Lease.name(of: Self.follower, in: database.name)
        let rows = try await store.client.query("SELECT until FROM leases WHERE name = \(name)")
        return try #require(rows.first).decode(Date.self, at: 0)
    }

    /// Has another process hold the lease, as if this one had been away for longer than it lasts.
    fileprivate func giveLease(to holder: String) async throws {
        try await store.client.execute(
            """
            UPDATE leases SET holder = \(holder), token = token + 1, until = now() + interval '1 hour'
            WHERE name = \(Lease.name(of: Self.follower, in: database.name))
            """
        )
    }
}
