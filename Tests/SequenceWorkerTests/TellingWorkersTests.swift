import Contracts
import ControlStore
import DocumentStore
import JSON
import Logging
import Messaging
import Postgres
import ServiceRuntime
import TestSupport
import Testing

@testable import SequenceWorker

/// Who has written a run down does not wait for a broker that is away.
@Suite(.database, .virtualHost, .timeLimit(.minutes(10))) struct TellingWorkersTests {
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// One that nobody runs: a message waits for ever for a connection, and for its own end, unless it is a hint.
    private func brokerThatIsAway() throws -> MessageBroker {
        MessageBroker(try MessagingConfiguration(url: TestVirtualHost.address), topology: .shared, logger: logger)
    }

    @Test func `workers are told by a hint`() async throws {
        let broker = try brokerThatIsAway()
        let error = await #expect(throws: MessagingError.self) { try await broker.tellWorkers(of: [RunID.next()]) }
        #expect(error?.code == "not_sent")
    }

    @Test func `runs that are due stay due while nobody can be told of them`() async throws {
        let store = try await TestRun.store(logger)
        let control = ControlStore(store.client, logger: logger)
        let run = NewRun(project: "shop", sequence: "work", cause: .listener, variables: [:], traceID: "t")
        #expect(try await control.make([run]) == [run.id])
        try await store.client.execute("UPDATE runs SET nudge_at = now() - interval '1 second'")
        let sweeper = RunSweeper(
            broker: try brokerThatIsAway(),
            control: control,
            slots: RunSlots(1),
            retention: .seconds(600),
            logger: logger
        )
        let places = try await sweeper.sweep(from: DuePlaces())
        let due = try await control.dueRuns(limit: 10, patience: .seconds(600), besides: [], from: places)
        #expect(due.runs == [run.id])
        await store.client.close()
    }
}
