import ControlStore
import Logging
import ServiceLifecycle

/// Takes away the notes of transactions whose time is over and of notifications that came long ago, and cookies of
/// sessions that are over.
struct CallLedgerCleaner: Service {
    /// Often: in an outage each attempt at a transaction leaves a note.
    private static let interval: Duration = .seconds(60)
    /// What is kept for long is looked through once in so many times.
    private static let longInterval = 60

    /// A session that has not asked for a week begins anew at the back end.
    private static let cookieAge: Duration = .seconds(7 * 86_400)

    let control: ControlStore
    /// How long a notification is known that was acted on.
    let notificationMemory: Duration
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var times = 0
            while !Task.isCancelled {
                do {
                    try await control.forgetCalls()
                    if times % Self.longInterval == 0 {
                        try await control.forgetCookies(olderThan: Self.cookieAge)
                        try await control.forgetNotifications(olderThan: notificationMemory)
                    }
                    times += 1
                } catch {
                    logger.warning("Old notes of transactions could not be taken away", error: error)
                }
                try? await Task.sleep(for: Self.interval)
            }
        }
    }
}
