import Foundation
import Logging
import ServiceLifecycle

/// Ends the process when something neither finishes nor heeds its cancellation.
///
/// The group cancels what is late after the same time; this comes a little later, on a thread of its own, and asks
/// nobody.
struct ShutdownLimit: Service {
    /// How long a graceful shutdown may take.
    let limit: Duration
    let logger: Logger

    /// What cancelled work gets to clean up.
    private static let grace: TimeInterval = 3

    func run() async throws {
        try? await gracefulShutdown()
        let seconds = TimeInterval(limit.components.seconds) + TimeInterval(limit.components.attoseconds) * 1e-18
        Thread.detachNewThread { [logger] in
            Thread.sleep(forTimeInterval: seconds + Self.grace)
            logger.critical("The work in hand did not end in time and is given up")
            exit(ExitCode.shutdownTimedOut.rawValue)
        }
    }
}
