import Dispatch
import Foundation
import Synchronization

/// A task executor on a fixed number of threads, for work that blocks or computes for long.
///
/// Password hashing, file reading and the like go through ``run(_:)``; what they cost then delays one another and
/// nothing else. Threads start when there is work and end with ``shutdown()``.
package final class ThreadPoolExecutor: TaskExecutor {
    /// The prefix of the threads' names.
    package let name: String
    /// The most threads that run at once.
    package let maximumThreads: Int

    private let state = Mutex(State())
    private let wakeUp = DispatchSemaphore(value: 0)

    private struct State {
        var jobs: [UnownedJob] = []
        /// The first of `jobs` that is not yet taken; the rest is dropped when it grows.
        var head = 0
        var threads = 0
        var waiting = 0
        var isShutDown = false

        mutating func pop() -> UnownedJob? {
            guard head < jobs.count else { return nil }
            defer {
                head += 1
                if head == jobs.count || head >= 1024 {
                    jobs.removeFirst(head)
                    head = 0
                }
            }
            return jobs[head]
        }
    }

    private enum Wake {
        case nothing
        case signal
        case start(Int)
    }

    /// A pool of at most `maximumThreads` threads; by default one for each core.
    package init(name: String, maximumThreads: Int = ProcessInfo.processInfo.activeProcessorCount) {
        precondition(maximumThreads > 0, "a thread pool has at least one thread")
        self.name = name
        self.maximumThreads = maximumThreads
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let wake: Wake = state.withLock { state in
            state.jobs.append(job)
            if state.waiting > 0 {
                state.waiting -= 1
                return .signal
            }
            guard state.threads < maximumThreads else { return .nothing }
            state.threads += 1
            return .start(state.threads)
        }
        switch wake {
        case .nothing: break
        case .signal: wakeUp.signal()
        case .start(let number): start(number)
        }
    }

    /// Runs `work` on one of the threads and gives back what it returns or throws.
    package func run<Value: Sendable, Failure: Error>(
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        try await withTaskExecutorPreference(self) { () async throws(Failure) -> Value in
            try await Self.call(work)
        }
    }

    /// Lets the threads end once the queue is empty; does not wait for that.
    package func shutdown() {
        let waiting = state.withLock { state in
            state.isShutDown = true
            defer { state.waiting = 0 }
            return state.waiting
        }
        for _ in 0..<waiting { wakeUp.signal() }
    }

    /// The hop: a concurrent function runs where the task prefers, which is here.
    @concurrent private static func call<Value: Sendable, Failure: Error>(
        _ work: @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        try work()
    }

    private func start(_ number: Int) {
        Thread {
            // From within: Foundation forgets on Linux what a thread is called before it runs.
            Thread.current.name = "\(self.name)-\(number)"
            self.work()
        }.start()
    }

    private func work() {
        while let job = next() {
            unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    private func next() -> UnownedJob? {
        while true {
            let (job, mayEnd): (UnownedJob?, Bool) = state.withLock { state in
                if let job = state.pop() { return (job, false) }
                if state.isShutDown {
                    state.threads -= 1
                    return (nil, true)
                }
                state.waiting += 1
                return (nil, false)
            }
            if let job { return job }
            if mayEnd { return nil }
            wakeUp.wait()
        }
    }
}
