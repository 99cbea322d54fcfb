import FullSyncClient
import Synchronization

/// What a client tells of itself: its events, and where the ways of its live sync are.
final class SyncObserver: Sendable {
    /// Where a way of a live sync is.
    enum Phase: Equatable {
        case upToDate
        case waiting
        case needsLogin
        case suspended
    }

    private struct State {
        var events: [String] = []
        var phases: [SyncDirection: Phase] = [:]
        /// Counts the syncs, of which the last one counts.
        var sync = 0
    }

    private let state = Mutex(State())

    /// The events so far; those of the network without their reasons.
    var events: [String] { state.withLock { $0.events } }

    func phase(_ direction: SyncDirection) -> Phase? { state.withLock { $0.phases[direction] } }

    /// Begins to listen; what the client does from now on is heard.
    func follow(_ events: AsyncStream<FullSyncEvent>) {
        Task {
            for await event in events {
                let name =
                    switch event {
                    case .serverUnreachable: "unreachable"
                    case .serverReachable: "reachable"
                    default: "\(event)"
                    }
                state.withLock { $0.events.append(name) }
            }
        }
    }

    /// Looks at another sync than before.
    func follow(_ sync: SyncTask) {
        let number = state.withLock { state in
            state.phases = [:]
            state.sync += 1
            return state.sync
        }
        Task {
            for await progress in sync.progress {
                let phase: Phase? =
                    switch progress.state {
                    case .running: nil
                    case .upToDate: .upToDate
                    case .waiting: .waiting
                    case .needsLogin: .needsLogin
                    case .suspended: .suspended
                    }
                state.withLock { state in
                    if state.sync == number { state.phases[progress.direction] = phase }
                }
            }
        }
    }
}
