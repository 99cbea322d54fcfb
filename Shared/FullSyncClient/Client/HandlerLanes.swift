import Dispatch
import Synchronization

/// Where the handlers of one request run: those of one queue one after the other, in the order in which they were told,
/// whatever kind of queue it is.
final class HandlerLanes: Sendable {
    typealias MainJob = @MainActor @Sendable () -> Void

    private struct State {
        var main: AsyncStream<MainJob>.Continuation?
        /// A queue in front of each that was named.
        var queues: [ObjectIdentifier: DispatchQueue] = [:]
    }

    private let state = Mutex(State())
    private let isClosed = Atomic(false)

    deinit { state.withLock { $0.main }?.finish() }

    /// From now on no handler begins any more.
    func close() {
        isClosed.store(true, ordering: .sequentiallyConsistent)
    }

    /// What tells a value to a handler of the main actor.
    func main<Value: Sendable>(
        _ handler: @escaping @MainActor @Sendable (Value) -> Void
    ) -> @Sendable (Value) -> Void {
        let jobs = state.withLock { state in
            if let main = state.main { return main }
            // By a task and not by the main queue: where there is an asynchronous `main`, the compiler's word for the
            // main actor is the only one that holds on every system.
            let (jobs, continuation) = AsyncStream.makeStream(of: MainJob.self)
            Task { @MainActor in for await job in jobs { job() } }
            state.main = continuation
            return continuation
        }
        return { value in jobs.yield { if self.isOpen { handler(value) } } }
    }

    /// What tells a value to a handler of a queue.
    func queue<Value: Sendable>(
        _ queue: DispatchQueue,
        _ handler: @escaping @Sendable (Value) -> Void
    ) -> @Sendable (Value) -> Void {
        let line = state.withLock { state in
            if let line = state.queues[ObjectIdentifier(queue)] { return line }
            let line = DispatchQueue(label: "fullsync.handlers", target: queue)
            state.queues[ObjectIdentifier(queue)] = line
            return line
        }
        return { value in line.async { if self.isOpen { handler(value) } } }
    }

    private var isOpen: Bool { !isClosed.load(ordering: .sequentiallyConsistent) }
}
