import Logging
import Postgres
import Settings
import Synchronization
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
        let failures: [PostgresError] = [
            .connectionLost("restarting"), .commitOutcomeUnknown("restarting"), .timedOut(.acquire),
        ]
        let asked = Mutex(0)
        let answer = try await context(startingFor: .seconds(3_600)).preparing {
            let number = asked.withLock { asked in
                defer { asked += 1 }
                return asked
            }
            guard number == failures.count else { throw failures[number] }
            return number
        }
        #expect(answer == failures.count)
    }

    @Test func `one that stays away is told of when the time is over`() async throws {
        let context = try context(startingFor: .zero)
        let error = await #expect(throws: StartError.self) {
            try await context.preparing { throw PostgresError.timedOut(.acquire) }
        }
        #expect(error?.description.hasPrefix("not reachable in time: postgres (") == true)
    }

    @Test func `the end of the process ends the wait`() async throws {
        let context = try context(startingFor: .seconds(3_600))
        await #expect(throws: CancellationError.self) {
            try await context.preparing { throw PostgresError.cancelled }
        }
        let waiting = Task { try await context.preparing { throw PostgresError.connectionLost("away") } }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }

    @Test func `what it refuses is refused`() async throws {
        let context = try context(startingFor: .seconds(3_600))
        await #expect(throws: PostgresError.misuse("wrong")) {
            try await context.preparing { throw PostgresError.misuse("wrong") }
        }
    }
}
