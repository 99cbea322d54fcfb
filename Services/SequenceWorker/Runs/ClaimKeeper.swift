import ControlStore
import Foundation
import Logging
import ServiceLifecycle
import Synchronization

/// Prolongs this worker's claims on the runs that it works on, and ends them when it stops.
///
/// A run whose end could not be written down is in hand no more: its claim ends by itself, and the run is taken again.
final class ClaimKeeper: Service {
    /// Names this process among all workers.
    let worker: String
    /// How long a claim lasts without being prolonged.
    let lease: Duration
    private let control: ControlStore
    private let logger: Logger
    private let inHand = Mutex<Set<String>>([])

    init(control: ControlStore, worker: String, lease: Duration, logger: Logger) {
        self.control = control
        self.worker = worker
        self.lease = lease
        self.logger = logger
    }

    /// Works on a run that was claimed; its claim is prolonged for as long as that takes.
    func keeping<Result>(_ run: ClaimedRun, _ body: () async throws -> Result) async rethrows -> Result {
        inHand.withLock { _ = $0.insert(run.id) }
        defer { inHand.withLock { _ = $0.remove(run.id) } }
        return try await body()
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: self.lease / 3)
                    try await self.control.renewClaims(
                        of: self.worker,
                        on: Array(self.inHand.withLock(\.self)),
                        lease: self.lease
                    )
                } catch is CancellationError {
                    return
                } catch {
                    self.logger.warning("The claims could not be prolonged", metadata: ["error": "\(error)"])
                }
            }
        }
        // Not in this task, which may be cancelled. Best effort: a claim that is not given back ends by itself.
        await Task { try? await control.giveBackClaims(of: worker) }.value
    }
}
