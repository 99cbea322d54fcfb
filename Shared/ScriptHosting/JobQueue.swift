import Synchronization

/// The requests that wait for a host, and the hosts that wait for a request.
///
/// Never both: a request goes to the host that it prefers when that one is free, else to any free host, else it waits;
/// a host that becomes free takes a request that prefers it from among the first that wait, else the first. So no host
/// idles while somebody waits, and a session mostly comes back to where its values are.
final class JobQueue: Sendable {
    /// Which start of which host; a host that is started anew has another key, because it has forgotten everything.
    typealias HostKey = Int

    /// A request that waits.
    struct Job: Sendable {
        let identifier: Int
        let preferred: HostKey?
        let submitted: ContinuousClock.Instant
        /// Whether a host has died of something else with this request in its hands.
        var isRetried = false
        /// Makes the request for the host that takes it.
        let request: @Sendable (HostKey) -> HostRequest
        /// Gets the reply, and from whom.
        let complete: @Sendable (Result<(HostReply, HostKey), ScriptError>) -> Void
    }

    private struct State {
        var jobs: [Job] = []
        var hosts: [HostKey: CheckedContinuation<Job?, Never>] = [:]
        var isClosed = false
    }

    /// How far from the head a free host looks for a request that prefers it.
    private static let window = 16

    private let state = Mutex(State())
    private let capacity: Int

    /// An empty queue that takes that many requests.
    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Hands the job to a free host, or lets it wait; a full or closed queue completes it at once.
    func submit(_ job: Job, first: Bool = false) {
        let action: () -> Void = state.withLock { state in
            if state.isClosed { return { job.complete(.failure(.poolHasEnded)) } }
            let free = job.preferred.flatMap { state.hosts[$0] == nil ? nil : $0 } ?? state.hosts.keys.first
            if let free, let host = state.hosts.removeValue(forKey: free) { return { host.resume(returning: job) } }
            guard first || state.jobs.count < capacity else {
                return { job.complete(.failure(ScriptError(.unavailable, "too many scripts wait for a host"))) }
            }
            state.jobs.insert(job, at: first ? 0 : state.jobs.count)
            return {}
        }
        action()
    }

    /// The next job for a host that is free; nil when the queue is closed or the caller is cancelled.
    ///
    /// - Parameters:
    ///   - host: The host that is free.
    ///   - completion: Completes the job that the host did last. It is called once the host stands in line again, so
    ///     that a session whose next request comes at once finds its host free.
    func next(for host: HostKey, completing completion: (() -> Void)?) async -> Job? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let action: () -> Void = state.withLock { state in
                    if state.isClosed || Task.isCancelled { return { continuation.resume(returning: nil) } }
                    guard !state.jobs.isEmpty else {
                        state.hosts[host] = continuation
                        return {}
                    }
                    let index = state.jobs.prefix(Self.window).firstIndex { $0.preferred == host } ?? 0
                    let job = state.jobs.remove(at: index)
                    return { continuation.resume(returning: job) }
                }
                action()
                completion?()
            }
        } onCancel: {
            let continuation = state.withLock { $0.hosts.removeValue(forKey: host) }
            continuation?.resume(returning: nil)
        }
    }

    /// Takes a job that still waits out of the queue and completes it with an error.
    func cancel(_ identifier: Int) {
        let job = state.withLock { state in
            state.jobs.firstIndex { $0.identifier == identifier }.map { state.jobs.remove(at: $0) }
        }
        job?.complete(.failure(ScriptError(.cancelled, "cancelled")))
    }

    /// Completes with an error what was submitted before that moment and still waits.
    func expire(submittedBefore moment: ContinuousClock.Instant) {
        let late = state.withLock { state in
            let late = state.jobs.filter { $0.submitted < moment }
            if !late.isEmpty { state.jobs.removeAll { $0.submitted < moment } }
            return late
        }
        for job in late { job.complete(.failure(ScriptError(.unavailable, "no script host was free in time"))) }
    }

    /// Completes everything with an error, now and from now on.
    func close() {
        let (jobs, hosts) = state.withLock { state in
            defer {
                state.jobs = []
                state.hosts = [:]
                state.isClosed = true
            }
            return (state.jobs, Array(state.hosts.values))
        }
        for job in jobs { job.complete(.failure(.poolHasEnded)) }
        for host in hosts { host.resume(returning: nil) }
    }
}

extension ScriptError {
    /// The pool's `run` has ended.
    static let poolHasEnded = ScriptError(.unavailable, "the script hosts have been stopped")
}
