import Contracts
import ControlStore
import Foundation
import Logging
import Messaging
import ServiceLifecycle
import ServiceRuntime
import Synchronization

/// Notices that rights have changed, and says so to others: sessions that ended, memberships, passwords, whom databases
/// let in.
///
/// Whoever changes rights announces it, so that every instance knows at once. Announcements can be lost, so each
/// instance also looks once a second at the number that counts such changes.
final class AccessChanges: Service {
    private let control: ControlStore
    private let broker: MessageBroker
    private let logger: Logger
    private let notice: @Sendable () -> Void
    /// The changes that this instance knows of.
    private let epoch = Mutex<Int64?>(nil)

    /// How often it looks without being told.
    private static let period = Duration.seconds(1)
    /// How many looks it is from one pruning of the sessions to the next.
    private static let looksPerPruning = 60

    /// - Parameter notice: What is done when rights have changed: forget what was looked up, wake those who wait.
    init(control: ControlStore, broker: MessageBroker, logger: Logger, notice: @escaping @Sendable () -> Void) {
        self.control = control
        self.broker = broker
        self.logger = logger
        self.notice = notice
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var looks = 0
            while !Task.isCancelled {
                await self.look()
                if looks % Self.looksPerPruning == 0 { await self.prune() }
                looks += 1
                try? await Task.sleep(for: Self.period)
            }
        }
    }

    /// Counts a change of rights that is committed in another store, and says so everywhere.
    func tell() async throws {
        try await control.advanceAccessEpoch()
        await announce()
    }

    /// Says here and to all other instances that rights have changed, after the commit that changed them.
    func announce() async {
        notice()
        do {
            try await broker.announce(.sessions)
        } catch {
            // They notice within a second.
            logger.warning("A change of rights could not be announced", metadata: ["error": "\(error)"])
        }
    }

    /// Hears that rights have changed.
    func hear() { notice() }

    private func look() async {
        do {
            let now = try await control.accessEpoch()
            let before = epoch.withLock { epoch in
                defer { epoch = now }
                return epoch
            }
            if let before, before != now { notice() }
        } catch {
            // What was looked up is forgotten by itself after a second, so that nothing is kept up by this failure.
            logger.warning("Changes of rights could not be looked for", metadata: ["error": "\(error)"])
        }
    }

    private func prune() async {
        do {
            try await control.pruneSessions()
        } catch {
            logger.warning("Sessions could not be pruned", metadata: ["error": "\(error)"])
        }
    }
}
