import Contracts
import Postgres
import TestSupport
import Testing

@testable import ControlStore

/// How long the same notification is known.
@Suite(.database) struct NotificationKeyTests {
    @Test func `a notification is acted on once, also when its run is long pruned`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        // One that came before there was a table of them.
        let early = try #require(try await control.make([.work(dedupeKey: "early", cause: .notification)]).first)
        try await store.client.migrate(ControlStore.callMigrations, component: "connector-calls")
        #expect(try await control.make(notified: .work(dedupeKey: "m", cause: .notification)).count == 1)
        #expect(try await control.make(notified: .work(dedupeKey: "m", cause: .notification)).isEmpty)
        try await store.client.execute("DELETE FROM runs")
        #expect(try await control.make(notified: .work(dedupeKey: "m", cause: .notification)).isEmpty)
        #expect(try await control.make(notified: .work(dedupeKey: "early", cause: .notification)).isEmpty)
        #expect(try await control.run(early) == nil)
        try await store.client.execute("UPDATE notification_keys SET noted_at = now() - interval '2 days'")
        try await control.forgetNotifications(olderThan: .seconds(3 * 86_400))
        #expect(try await control.make(notified: .work(dedupeKey: "m", cause: .notification)).isEmpty)
        try await control.forgetNotifications(olderThan: .seconds(86_400))
        #expect(try await control.make(notified: .work(dedupeKey: "m", cause: .notification)).count == 1)
        // What has no id is not recognised.
        #expect(try await control.make(notified: .work(cause: .notification)).count == 1)
        #expect(try await control.make(notified: .work(cause: .notification)).count == 1)
        await store.close()
    }
}
