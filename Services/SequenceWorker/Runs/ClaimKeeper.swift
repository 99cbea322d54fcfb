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
    private let inHand = Mutex<[String: InHand]>([:])

    /// What this worker does about a run.
    private struct InHand {
        let claim: Int64
        let stop: @Sendable () -> Void
        /// Whether the claim was lost, and the work stopped.
        var isLost = false
    }

    init(control: ControlStore, worker: String, lease: Duration, logger: Logger) {
        self.control = control
        self.worker = worker
        self.lease = lease
        self.logger = logger
    }

    /// Works on a run that was claimed; its claim is prolonged for as long as that takes, and the work is cancelled
    /// when the run was taken over or cancelled.
    ///
    /// - Throws: `ClaimLost` when that is why the work ended, and what the body throws.
    func keeping<Result: Sendable>(
        _ run: ClaimedRun,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let work = Task { try await body() }
        inHand.withLock { $0[run.id] = InHand(claim: run.claim) { work.cancel() } }
        defer {
            inHand.withLock { if $0[run.id]?.claim == run.claim { $0[run.id] = nil } }
        }
        do {
            return try await withTaskCancellationHandler {
                try await work.value
            } onCancel: {
                work.cancel()
            }
        } catch {
            let isLost = inHand.withLock { $0[run.id].map { $0.claim == run.claim && $0.isLost } ?? false }
            throw isLost ? ClaimLost(run) : error
        }
    }

    /// Prolongs the claims, and stops what goes on under those that are lost.
    private func renew() async throws {
        let before = inHand.withLock(\.self)
        let kept = try await control.renewClaims(of: worker, on: Array(before.keys), lease: lease)
        for (run, work) in before where !kept.contains(run) {
            // One that has ended meanwhile is in hand no more.
            let isHere = inHand.withLock { inHand in
                guard inHand[run]?.claim == work.claim else { return false }
                inHand[run]?.isLost = true
                return true
            }
            guard isHere else { continue }
            logger.notice("A run is this worker's no more", metadata: ["run": "\(run)"])
            work.stop()
        }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: self.lease / 3)
                    try await self.renew()
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
