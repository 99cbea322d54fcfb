import Executors
import Glibc
package import Spawning
import Synchronization

/// A process that this one started and waits for.
///
/// Each child has a thread of its own here, which starts it and then waits for its end. One thread must do both: the
/// kernel sends the signal of `PR_SET_PDEATHSIG` when the *thread* that started the child ends, not the process.
package final class ChildProcess: Sendable {
    /// The process id.
    ///
    /// It stays the child's until ``waitForExit()`` has returned.
    package let pid: Int32

    private enum State {
        case running(waiting: [CheckedContinuation<ExitStatus, Never>])
        case ended(ExitStatus)
    }

    private let state = Mutex(State.running(waiting: []))

    private init(pid: Int32) {
        self.pid = pid
    }

    /// Starts `command` in a session of its own, so that a Ctrl-C in the terminal reaches only who decides about it.
    ///
    /// - Throws: ``SpawnError`` when the system makes no process. A program that does not exist shows as the end of the
    ///   child with code 127.
    package static func start(_ command: Command) async throws(SpawnError) -> ChildProcess {
        let thread = ThreadExecutor(name: "child")
        let result = await withCheckedContinuation { continuation in
            Task(executorPreference: thread) {
                defer { thread.shutdown() }
                do throws(SpawnError) {
                    let child = ChildProcess(pid: try command.spawn.start())
                    continuation.resume(returning: Result<ChildProcess, SpawnError>.success(child))
                    child.reap()
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    /// How it ended, or nil while it runs.
    package var exit: ExitStatus? {
        state.withLock { state in
            if case .ended(let status) = state { status } else { nil }
        }
    }

    /// Waits until it has ended.
    @discardableResult
    package func waitForExit() async -> ExitStatus {
        await withCheckedContinuation { continuation in
            let status: ExitStatus? = state.withLock { state in
                switch state {
                case .running(let waiting):
                    state = .running(waiting: waiting + [continuation])
                    return nil
                case .ended(let status):
                    return status
                }
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    /// Sends it `signal`; does nothing once it has ended.
    package func send(_ signal: Signal) {
        state.withLock { state in
            if case .running = state { _ = Glibc.kill(pid, signal.number) }
        }
    }

    /// Ends it: each signal in turn gets its time, and at last `SIGKILL`.
    @discardableResult
    package func end(_ steps: [(signal: Signal, wait: Duration)]) async -> ExitStatus {
        await withTaskGroup { group in
            group.addTask {
                for step in steps {
                    self.send(step.signal)
                    guard (try? await Task.sleep(for: step.wait)) != nil else { return }
                }
                self.send(.kill)
            }
            defer { group.cancelAll() }
            return await waitForExit()
        }
    }

    /// Waits for the end, ends what the child left in its process group, and tells everybody who waits.
    private func reap() {
        var information = siginfo_t()
        // The zombie keeps the pid from being used again until `waitpid` below, so `send` never hits a stranger.
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) == -1, errno == EINTR {}
        let (status, waiting) = state.withLock { state in
            _ = Glibc.kill(-pid, SIGKILL)
            var raw: Int32 = 0
            while waitpid(pid, &raw, 0) == -1, errno == EINTR {}
            let status = ExitStatus(waitStatus: raw)
            guard case .running(let waiting) = state else { preconditionFailure("A child ends once.") }
            state = .ended(status)
            return (status, waiting)
        }
        for continuation in waiting { continuation.resume(returning: status) }
    }
}

extension ChildProcess.ExitStatus {
    /// From what `waitpid` stored: the low seven bits are the signal, the next byte the code.
    fileprivate init(waitStatus: Int32) {
        let signal = waitStatus & 0x7F
        self = signal == 0 ? .code((waitStatus >> 8) & 0xFF) : .signal(signal)
    }
}
