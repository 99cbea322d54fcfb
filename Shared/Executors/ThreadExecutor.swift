import Dispatch
import Foundation
import Synchronization

/// A serial executor on a thread of its own.
///
/// It is for actors whose work is a C library that blocks: the cooperative pool has one thread per core, and a single
/// blocked one stops unrelated tasks. The executor is a task executor as well, so that code between two calls of the
/// actor can stay on the thread (`withTaskExecutorPreference`) instead of waking another one.
///
/// The thread starts with the first job. After ``shutdown()`` it finishes what is queued and ends; a job that comes
/// later still runs, on a thread that ends with it, because a job that is dropped would leave its task suspended for
/// ever.
package final class ThreadExecutor: SerialExecutor, TaskExecutor {
    /// The thread's name, as debuggers and `ps -T` show it (Linux keeps the first 15 bytes).
    package let name: String

    private let state = Mutex(State())
    private let wakeUp = DispatchSemaphore(value: 0)

    private struct State {
        var jobs: [UnownedJob] = []
        /// Whether a thread is there to take jobs.
        var isRunning = false
        /// Whether the thread waits on `wakeUp`, so that a signal is spent only when somebody waits for it.
        var isWaiting = false
        var isShutDown = false
    }

    /// What an enqueued job needs done outside the lock.
    private enum Wake {
        case nothing
        case signal
        case start
    }

    /// An executor whose thread has the name `name`.
    package init(name: String) {
        self.name = name
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let wake: Wake = state.withLock { state in
            state.jobs.append(job)
            if !state.isRunning {
                state.isRunning = true
                return .start
            }
            guard state.isWaiting else { return .nothing }
            state.isWaiting = false
            return .signal
        }
        switch wake {
        case .nothing: break
        case .signal: wakeUp.signal()
        case .start: start()
        }
    }

    /// Lets the thread end once its queue is empty; does not wait for that.
    package func shutdown() {
        let mustSignal = state.withLock { state in
            state.isShutDown = true
            defer { state.isWaiting = false }
            return state.isWaiting
        }
        if mustSignal { wakeUp.signal() }
    }

    private func start() {
        // On Linux a thread gets its name from within alone, and only once whoever starts it is through with that.
        let isStarted = DispatchSemaphore(value: 0)
        Thread {
            isStarted.wait()
            Thread.current.name = self.name
            self.work()
        }.start()
        isStarted.signal()
    }

    /// The thread's body: takes whole batches, so that the lock is held once for many jobs.
    private func work() {
        var batch: [UnownedJob] = []
        while take(&batch) {
            for job in batch {
                unsafe job.runSynchronously(
                    isolatedTo: asUnownedSerialExecutor(),
                    taskExecutor: asUnownedTaskExecutor()
                )
            }
        }
    }

    /// Fills `batch` with what is queued, waiting for it; `false` ends the thread.
    private func take(_ batch: inout [UnownedJob]) -> Bool {
        batch.removeAll(keepingCapacity: true)
        while true {
            let mayEnd = state.withLock { state in
                swap(&batch, &state.jobs)
                guard batch.isEmpty else { return false }
                if state.isShutDown {
                    state.isRunning = false
                    return true
                }
                state.isWaiting = true
                return false
            }
            if mayEnd { return false }
            if !batch.isEmpty { return true }
            wakeUp.wait()
        }
    }
}
