import ControlStore
import Foundation
import Logging
import ServiceLifecycle

/// Prolongs this worker's claims while it lives, and ends them when it stops.
struct ClaimKeeper: Service {
    let control: ControlStore
    /// Names this process among all workers.
    let worker: String
    /// How long a claim lasts without being prolonged.
    let lease: Duration
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: lease / 3)
                    try await control.renewClaims(of: worker, lease: lease)
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("The claims could not be prolonged", metadata: ["error": "\(error)"])
                }
            }
        }
    }
}
