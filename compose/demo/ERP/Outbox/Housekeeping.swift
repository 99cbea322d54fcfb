import Logging
import Postgres
import ServiceLifecycle

/// Takes away what nobody will ask for again: published notifications after a week, idempotency keys after a month.
struct Housekeeping: Service {
    private static let interval: Duration = .seconds(3_600)

    let database: PostgresClient
    let logger: Logger

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                await clean()
                try await Task.sleep(for: Self.interval)
            }
        }
    }

    private func clean() async {
        do {
            try await database.execute("DELETE FROM erp.outbox WHERE published_at < now() - interval '7 days'")
            try await database.execute("DELETE FROM erp.effects WHERE at < now() - interval '30 days'")
        } catch {
            logger.warning("Old notifications and keys could not be taken away", error: error)
        }
    }
}
