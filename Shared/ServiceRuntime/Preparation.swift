import Logging
package import Postgres
import ServiceLifecycle

// What a composition has to ask PostgreSQL before the service takes work.
extension ServiceContext {
    private static let pause = Duration.milliseconds(200)

    /// Brings the tables of a component up to date; see ``PostgresClient/migrate(_:component:)``.
    package func migrate(_ migrations: [PostgresMigration], component: String) async throws {
        try await preparing { try await postgres.migrate(migrations, component: component) }
    }

    /// Asks PostgreSQL, and again while it does not answer: it may be away again though it answered a moment ago.
    ///
    /// - Parameter ask: Does no harm when it happens twice.
    /// - Throws: What PostgreSQL refuses; `StartError` when the time for the start is over; `CancellationError` when
    ///   the process is told to end.
    package func preparing<Value: Sendable>(
        _ ask: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        while true {
            do {
                return try await cancelWhenGracefulShutdown(ask)
            } catch PostgresError.cancelled {
                throw CancellationError()
            } catch let error as PostgresError where error.mayPass || error.isOfUnknownOutcome {
                guard ContinuousClock.now < startDeadline else {
                    throw StartError.unreachable([ReadinessFailure(check: "postgres", reason: "\(error)")])
                }
                logger.notice("PostgreSQL does not answer what the service needs at its start", error: error)
            }
            try await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.pause) }
        }
    }
}

extension PostgresError {
    /// Whether what was asked for may have happened, which harms nobody who may ask twice.
    fileprivate var isOfUnknownOutcome: Bool {
        if case .commitOutcomeUnknown = self { true } else { false }
    }
}
