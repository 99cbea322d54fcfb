import Synchronization

/// The requests that wait for a host, and the hosts that wait for a request.
///
/// A request goes to the host that it prefers when that one is free, else to any free host, else it waits; so a session
/// mostly comes back to where its values are. Whose turn it is says ``JobSchedule``.
final class JobQueue: Sendable {
    /// Which start of which host; a host that is started anew has another key, because it has forgotten everything.
    typealias HostKey = Int

    /// A request that waits.
    struct Job: Sendable {
        let identifier: Int
        /// Whose it is.
        let lane: ScriptLane
        let preferred: HostKey?
        let submitted: ContinuousClock.Instant
        /// Whether a host has died of something else with this request in its hands.
        var isRetried = false
        /// Makes the request for the host that takes it.
        let request: @Sendable (HostKey) -> HostRequest
        /// Gets the reply, and from whom.
        let complete: @Sendable (Result<(HostReply, HostKey), ScriptError>) -> Void
    }

    private typealias Action = @Sendable () -> Void

    private struct State {
        var schedule: JobSchedule
        var hosts: [HostKey: CheckedContinuation<Job?, Never>] = [:]
        var isClosed = false

        /// Gives hosts their jobs; what is answered is to be done when the lock is free.
        mutating func assign() -> [Action] {
            schedule.assign(at: .now).map { host, job in
                let continuation = hosts.removeValue(forKey: host)
                return { continuation?.resume(returning: job) }
            }
        }
    }

    private let state: Mutex<State>

    /// An empty queue that takes that many requests, for so many hosts.
    init(hosts: Int, capacity: Int) {
        state = Mutex(State(schedule: JobSchedule(hosts: hosts, capacity: capacity)))
    }

    /// How many requests wait.
    var count: Int { state.withLock { $0.schedule.count } }

    /// Hands the job to a free host, or lets it wait; a full or closed queue completes it, or another one, at once.
    func submit(_ job: Job, first: Bool = false) {
        let actions: [Action] = state.withLock { state in
            if state.isClosed { return [{ job.complete(.failure(.poolHasEnded)) }] }
            state.schedule.add(job, first: first)
            var actions = state.assign()
            // What a host takes at once needs no room, and what comes back from a host always has some.
            if !first, let refused = state.schedule.refuse(after: job.lane) {
                let error = ScriptError(.unavailable, "too many scripts wait for a host")
                actions.append { refused.complete(.failure(error)) }
            }
            return actions
        }
        for action in actions { action() }
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
                let actions: [Action] = state.withLock { state in
                    if state.isClosed || Task.isCancelled { return [{ continuation.resume(returning: nil) }] }
                    state.hosts[host] = continuation
                    state.schedule.ready(host, at: .now)
                    return state.assign()
                }
                for action in actions { action() }
                completion?()
            }
        } onCancel: {
            let continuation = state.withLock { state in
                let continuation = state.hosts.removeValue(forKey: host)
                if continuation != nil { state.schedule.gone(host, at: .now) }
                return continuation
            }
            continuation?.resume(returning: nil)
        }
    }

    /// The host has ended, with or without a job in its hands.
    func release(_ host: HostKey) {
        let actions = state.withLock { state in
            state.schedule.gone(host, at: .now)
            return state.assign()
        }
        for action in actions { action() }
    }

    /// Takes a job that still waits out of the queue and completes it with an error.
    func cancel(_ identifier: Int) {
        let (job, actions) = state.withLock { state in (state.schedule.remove(identifier), state.assign()) }
        for action in actions { action() }
        job?.complete(.failure(ScriptError(.cancelled, "cancelled")))
    }

    /// Completes with an error what was submitted before that moment and still waits.
    func expire(submittedBefore moment: ContinuousClock.Instant) {
        let (late, actions) = state.withLock { state in
            // Also when nothing has expired: a lane is not held to be slow for ever.
            (state.schedule.removeAll(submittedBefore: moment), state.assign())
        }
        for action in actions { action() }
        for job in late { job.complete(.failure(ScriptError(.unavailable, "no script host was free in time"))) }
    }

    /// Completes everything with an error, now and from now on.
    func close() {
        let (jobs, hosts) = state.withLock { state in
            defer {
                state.hosts = [:]
                state.isClosed = true
            }
            return (state.schedule.removeAll(), Array(state.hosts.values))
        }
        for job in jobs { job.complete(.failure(.poolHasEnded)) }
        for host in hosts { host.resume(returning: nil) }
    }
}

extension ScriptError {
    /// The pool's `run` has ended.
    static let poolHasEnded = ScriptError(.unavailable, "the script hosts have been stopped")
}
