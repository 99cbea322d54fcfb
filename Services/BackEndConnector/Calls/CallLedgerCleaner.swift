import ControlStore
import Logging
import ServiceLifecycle

/// Takes away the notes of transactions that began long ago.
struct CallLedgerCleaner: Service {
    private static let interval: Duration = .seconds(3_600)
    /// No message of a call lives nearly as long.
    private static let age: Duration = .seconds(86_400)

    let control: ControlStore
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await control.forgetCalls(olderThan: Self.age)
                } catch {
                    logger.warning("Old notes of transactions could not be taken away", error: error)
                }
                try? await Task.sleep(for: Self.interval)
            }
        }
    }
}
