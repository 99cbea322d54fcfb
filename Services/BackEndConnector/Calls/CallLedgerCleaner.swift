import ControlStore
import Logging
import ServiceLifecycle

/// Takes away the notes of transactions that began long ago and of notifications that came long ago, and cookies of
/// sessions that are over.
struct CallLedgerCleaner: Service {
    private static let interval: Duration = .seconds(3_600)
    /// No message of a call lives nearly as long.
    private static let age: Duration = .seconds(86_400)

    /// A session that has not asked for a week begins anew at the back end.
    private static let cookieAge: Duration = .seconds(7 * 86_400)

    let control: ControlStore
    /// How long a notification is known that was acted on.
    let notificationMemory: Duration
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await control.forgetCalls(olderThan: Self.age)
                    try await control.forgetCookies(olderThan: Self.cookieAge)
                    try await control.forgetNotifications(olderThan: notificationMemory)
                } catch {
                    logger.warning("Old notes of transactions could not be taken away", error: error)
                }
                try? await Task.sleep(for: Self.interval)
            }
        }
    }
}
