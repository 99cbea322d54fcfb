import Dispatch
import Synchronization

/// Shuts a session's socket when its time is over, unless it was given more before.
final class SocketAlarm: Sendable {
    private enum State {
        case set(ContinuousClock.Instant)
        case rung
        case off
    }

    /// Has a thread whoever blocks the others: nothing else ends some of libldap's waits.
    private static let queue = DispatchQueue(label: "ldap-alarm")

    private let socket: WatchedSocket
    private let state: Mutex<State>

    init(of socket: WatchedSocket, at time: ContinuousClock.Instant) {
        self.socket = socket
        state = Mutex(.set(time))
        wake(at: time)
    }

    /// Gives the session time until then; false when its time was over already.
    func move(to time: ContinuousClock.Instant) -> Bool {
        state.withLock { state in
            guard case .set = state else { return false }
            state = .set(time)
            return true
        }
    }

    func turnOff() { state.withLock { $0 = .off } }

    private func wake(at time: ContinuousClock.Instant) {
        let (seconds, attoseconds) = max(.zero, ContinuousClock.now.duration(to: time)).components
        // Rounded up.
        let microseconds = Int(attoseconds / 1_000_000_000_000) + 1
        Self.queue.asyncAfter(deadline: .now() + .seconds(Int(seconds)) + .microseconds(microseconds)) {
            self.ring()
        }
    }

    private func ring() {
        let later = state.withLock { state -> ContinuousClock.Instant? in
            guard case .set(let time) = state else { return nil }
            // It was moved, or the other clock is ahead.
            guard ContinuousClock.now >= time else { return time }
            state = .rung
            socket.shut()
            return nil
        }
        if let later { wake(at: later) }
    }
}
