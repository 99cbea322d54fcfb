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
        let (control, clock) = try await clock()
        try await control.client.execute(
            "ALTER TABLE schedules ADD CHECK (job <> 'shop/j0' OR decided_until IS NULL)"
        )
        let now = Timestamp(seconds: 1_000)
        let agenda = try await agenda(control, now)
        await #expect(throws: PostgresError.self) { try await clock.decide(agenda.due(at: now), of: agenda, now: now) }
        #expect(try await control.decidedUntil().count == 19)
        await control.client.close()
    }

    /// They would wait for ever for one that nobody runs.
    @Test(.timeLimit(.minutes(5))) func `all jobs fire that are due though no worker can be told`() async throws {
        let (control, clock) = try await clock()
        for second in [1_000, 1_100] {
            let now = Timestamp(seconds: second)
            let agenda = try await agenda(control, now)
            let next = try await clock.decide(agenda.due(at: now), of: agenda, now: now)
            #expect(next.count == Self.count)
        }
        let runs = try await control.runs(RunFilter(state: .waiting), limit: 2 * Self.count)
        #expect(runs.count == Self.count)
        await control.client.close()
    }

    private static let count = 20

    private func agenda(_ control: ControlStore, _ now: Timestamp) async throws -> JobAgenda {
        var files = ["project.yaml": "project: shop\n", "sequences/work.yaml": "steps: []\n"]
        for number in 0..<Self.count {
            files["jobs/j\(number).yaml"] = "sequence: work\nschedule: {cron: '* * * * *'}\n"
        }
        let project = try Project.read(files) { _ in nil }
        return JobAgenda([project], resting: [], decided: try await control.decidedUntil(), now: now)
    }

    /// One whose broker never connects, and the store with the jobs' schedules.
    private func clock() async throws -> (ControlStore, JobClock) {
        var configuration = try PostgresConfiguration(url: try TestDatabase.address)
        configuration.maximumConnections = 2
        (configuration.connectTimeout, configuration.acquireTimeout) = (.seconds(60), .seconds(120))
        let control = ControlStore(PostgresClient(configuration, logger: logger), logger: logger)
        try await control.client.migrate(ControlStore.migrations, component: "control")
        try await control.client.execute(
            """
            INSERT INTO schedules (job)
            SELECT 'shop/j' || number FROM generate_series(0, \(Int64(Self.count - 1))) AS number
            """
        )
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
        return (control, clock)
    }
}
