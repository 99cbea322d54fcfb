import Logging
import Postgres
import Settings
import Telemetry
import Testing

@testable import ServiceRuntime

/// What a service asks PostgreSQL before it takes work.
@Suite(.timeLimit(.minutes(10))) struct PreparationTests {
    private func context(startingFor time: Duration) throws -> ServiceContext {
        ServiceContext(
            settings: try SettingReader(environment: [:]),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            metrics: PrometheusRegistry(),
            readiness: ReadinessChecks(),
            name: "test",
            postgresClient: nil,
            announcement: Announcement(path: nil, awaitsHTTP: false),
            startDeadline: .now + time
        )
    }

    @Test func `a PostgreSQL that goes away again in the middle of the start is waited for`() async throws {
        var asked = 0
        let answer = try await context(startingFor: .seconds(3_600)).preparing {
            asked += 1
            guard asked > 2 else { throw PostgresError.connectionLost("restarting") }
            return asked
        }
        #expect(answer == 3)
    }

    @Test func `one that stays away is told of when the time is over`() async throws {
        let context = try context(startingFor: .zero)
        let error = await #expect(throws: StartError.self) {
            try await context.preparing { throw PostgresError.timedOut(.acquire) }
        }
        #expect(error?.description.hasPrefix("not reachable in time: postgres (") == true)
    }

    @Test func `what it refuses is refused`() async throws {
        let context = try context(startingFor: .seconds(3_600))
        await #expect(throws: PostgresError.misuse("wrong")) {
            try await context.preparing { throw PostgresError.misuse("wrong") }
        }
    }
}
