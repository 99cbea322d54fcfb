import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Ends a connection's wait in `poll` from another thread, when its task is cancelled.
///
/// A pipe, because `poll` waits for file descriptors. Each operation arms it and gets a token; a cancellation that
/// comes late, with the token of an operation that has ended, does nothing.
final class WakeUp: Sendable {
    /// What `poll` waits for besides the connection's socket.
    let descriptor: Int32
    private let writeEnd: Int32
    private let state = Mutex(State())

    private struct State {
        var token: UInt64 = 0
        var isArmed = false
        var isTripped = false
        var isShutDown = false
    }

    init() throws(PostgresError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .connectionFailed("no file descriptor is left for a pipe") }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        descriptor = ends[0]
        writeEnd = ends[1]
    }

    deinit {
        close(descriptor)
        close(writeEnd)
    }

    /// Starts an operation that may be cancelled.
    func arm() -> UInt64 {
        state.withLock { state in
            state.token += 1
            state.isArmed = true
            return state.token
        }
    }

    /// Ends the operation and forgets its cancellation.
    func disarm() {
        state.withLock { state in
            state.isArmed = false
            guard state.isTripped, !state.isShutDown else { return }
            state.isTripped = false
            var byte: UInt8 = 0
            _ = read(descriptor, &byte, 1)
        }
    }

    /// Cancels the operation that is under way and every later one.
    func shutDown() {
        state.withLock { state in
            state.isShutDown = true
            trip(&state)
        }
    }

    /// Cancels the operation that has this token, when it is still under way.
    func trip(_ token: UInt64) {
        state.withLock { state in
            guard state.isArmed, state.token == token else { return }
            trip(&state)
        }
    }

    private func trip(_ state: inout State) {
        guard !state.isTripped else { return }
        state.isTripped = true
        var byte: UInt8 = 1
        _ = write(writeEnd, &byte, 1)
    }
}
