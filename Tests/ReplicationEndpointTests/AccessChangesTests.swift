import Contracts
import ControlStore
import Logging
import Messaging
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import ReplicationEndpoint

@Suite(.timeLimit(.minutes(5))) struct AccessChangesTests {
    @Test func `a change of rights is known here at once, and its request waits for no broker`() async throws {
        let logger = Logger(label: "tests")
        let client = PostgresClient(try PostgresConfiguration(url: "postgresql://127.0.0.1:1/none"), logger: logger)
        // Nobody runs it: what waits until it has connected, or has failed to, waits for ever.
        let broker = MessageBroker(
            try MessagingConfiguration(url: "amqp://guest:guest@127.0.0.1:1"),
            topology: .shared,
            logger: logger
        )
        let notices = Mutex(0)
        let changes = AccessChanges(
            control: ControlStore(client, logger: logger),
            broker: broker,
            logger: logger
        ) {
            notices.withLock { $0 += 1 }
        }
        await changes.announce()
        #expect(notices.withLock(\.self) == 1)
        await client.close()
    }
}
