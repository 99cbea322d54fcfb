import CODBC
import Executors
import Synchronization

/// Ends a connection's present statement from another thread.
///
/// A cancel request that is still under way holds the lock, so the handle cannot be freed, nor used for another
/// statement, before it has ended.
final class ODBCCanceller: Sendable {
    private struct State: ~Copyable {
        var statement: UnsafeMutableRawPointer?
        var isCancelled = false
        /// Counts the lists of statements.
        var number = 0
    }

    private let state = Mutex(State())
    /// How long a statement may take to end that was cancelled, until that is said again.
    private static let pause = Duration.milliseconds(250)
    /// How often it is said: a driver that does not let go of its statement is given up then; others need the threads.
    private static let attempts = 20
    /// `SQLCancel` may connect to the server to say so.
    private static let threads = ThreadPoolExecutor(name: "odbc-cancel", maximumThreads: 4)

    /// Whether a cancel request came since the last ``begin()``.
    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// Starts anew, for another list of statements; the number that its cancel request names.
    func begin() -> Int {
        state.withLock { state in
            state.isCancelled = false
            state.number += 1
            return state.number
        }
    }

    /// Runs the body with the statement as the one to cancel.
    func watch<Value>(
        _ statement: ODBCHandle,
        _ body: () throws(ODBCDiagnostic) -> Value
    ) throws(ODBCDiagnostic) -> Value {
        let address = UInt(bitPattern: statement.pointer)
        state.withLock { $0.statement = UnsafeMutableRawPointer(bitPattern: address) }
        defer { state.withLock { $0.statement = nil } }
        return try body()
    }

    /// `SQLCancel`, on a thread of its own; returns at once.
    func cancel(_ number: Int) {
        Task(executorPreference: Self.threads) { await self.cancelNow(number) }
    }

    /// Cancels until the statement has ended, some times: what comes just before the server has it is lost.
    ///
    /// Does nothing when another list of statements has begun since: the request came late, and is not that one's.
    @concurrent func cancelNow(_ number: Int) async {
        for _ in 0..<Self.attempts {
            guard cancelOnce(number) else { return }
            try? await Task.sleep(for: Self.pause)
        }
    }

    /// - Returns: Whether there is a statement that has still to end.
    private func cancelOnce(_ number: Int) -> Bool {
        state.withLock { state in
            guard state.number == number else { return false }
            state.isCancelled = true
            guard let statement = state.statement else { return false }
            SQLCancel(statement)
            return true
        }
    }
}
