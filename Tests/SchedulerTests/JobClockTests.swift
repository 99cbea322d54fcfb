import Contracts
import ControlStore
import Logging
import Messaging
import Postgres
import Projects
import Schedules
import TestSupport
import Testing

@testable import Scheduler

@Suite(.database) struct JobClockTests {
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test func `a job that cannot be decided keeps no other from its time`() async throws {
        var configuration = try PostgresConfiguration(url: try TestDatabase.address)
        configuration.maximumConnections = 2
        (configuration.connectTimeout, configuration.acquireTimeout) = (.seconds(60), .seconds(120))
        let control = ControlStore(PostgresClient(configuration, logger: logger), logger: logger)
        try await control.client.migrate(ControlStore.migrations, component: "control")
        try await control.client.execute(
            "INSERT INTO schedules (job) SELECT 'shop/j' || number FROM generate_series(0, 19) AS number"
        )
        try await control.client.execute(
            "ALTER TABLE schedules ADD CHECK (job <> 'shop/j0' OR decided_until IS NULL)"
        )
        var files = ["project.yaml": "project: shop\n", "sequences/work.yaml": "steps: []\n"]
        for number in 0..<20 {
            files["jobs/j\(number).yaml"] = "sequence: work\nschedule: {cron: '* * * * *'}\n"
        }
        let now = Timestamp(seconds: 1_000)
        let agenda = JobAgenda([try Project.read(files) { _ in nil }], resting: [], decided: [:], now: now)
        let clock = JobClock(
            broker: MessageBroker(
                try MessagingConfiguration(url: "amqp://guest:guest@127.0.0.1:1"),
                topology: .shared,
                logger: logger
            ),
            control: control,
            catalogue: ProjectCatalogue(control, symbols: { _ in nil }, logger: logger),
            logger: logger
        )
        await #expect(throws: PostgresError.self) { try await clock.decide(agenda.due(at: now), of: agenda, now: now) }
        #expect(try await control.decidedUntil().count == 19)
        await control.client.close()
    }
}
