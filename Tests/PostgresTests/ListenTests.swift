import Postgres
import TestSupport
import Testing

@Suite(.database) struct ListenTests {
    @Test func `notifications arrive in order, and after a lost connection the consumer is told`() async throws {
        try await withClient { client in
            var events = client.listen(["news", "Other \"one\""]).makeAsyncIterator()
            try await expect(events.next(), equals: .listening)
            for text in ["a", "b"] { try await client.execute("SELECT pg_notify('news', \(text))") }
            try await client.execute(#"NOTIFY "Other ""one""", 'c'"#)
            try await expect(texts(&events, 3), equals: ["news a", "news b", "Other \"one\" c"])

            let killed = try await client.one(
                """
                SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
                WHERE datname = current_database() AND query LIKE 'LISTEN%'
                """,
                as: Int.self
            )
            #expect(killed == 1)
            try await client.execute("SELECT pg_notify('news', 'missed')")
            try await expect(events.next(), equals: .reconnected)
            try await client.execute("SELECT pg_notify('news', 'd')")
            try await expect(texts(&events, 1), equals: ["news d"])
        }
    }

    private func texts(_ events: inout PostgresListener.Iterator, _ count: Int) async throws -> [String] {
        var result: [String] = []
        while result.count < count {
            guard case .notification(let notification) = try await events.next() else { throw NoRow() }
            result.append("\(notification.channel) \(notification.payload)")
        }
        return result
    }

    @Test func `a listener ends when its task is cancelled`() async throws {
        try await withClient { client in
            let gate = Barrier(2)
            let task = Task {
                var events: [PostgresListenEvent] = []
                for try await event in client.listen(["news"]) {
                    events.append(event)
                    await gate.arrive()
                }
                return events
            }
            await gate.arrive()
            task.cancel()
            try await expect(task.value, equals: [.listening])
        }
    }

    @Test func `a listener ends when the client is closed`() async throws {
        try await withClient { client in
            var events = client.listen(["news"]).makeAsyncIterator()
            try await expect(events.next(), equals: .listening)
            await client.close()
            try await expect(events.next(), equals: nil)
        }
    }
}
