import Executors
package import Logging
import Synchronization

/// A few script hosts, and the calls that other modules make of them.
///
/// Calls wait until ``run()`` has a host for them. Any number of tasks may call at once. A host that ends costs the
/// request in its hands an error, or a second try when the host did not end by the script's fault; all other requests
/// are served by the other hosts and by the one that takes its place. Hosts are shared among those who call (see
/// ``ScriptOwner``), so that nobody's scripts, however many and slow, keep those of others waiting for long.
package final class ScriptHostPool: Sendable {
    let limits: ScriptLimits
    let metrics = ScriptMetrics()
    let sessions = SessionRegister()
    let register = FunctionsRegister()
    private let hosts: [(process: HostProcess, executor: ThreadExecutor)]
    private let logger: Logger
    private let queue: JobQueue
    private let identifiers = Mutex(0)

    /// A pool that does nothing before ``run()``.
    ///
    /// - Parameters:
    ///   - executable: The path of the program `script-host`.
    ///   - hosts: How many of them there are.
    ///   - limits: How much each script and each host may take.
    ///   - logger: Where the ends of hosts and the lines that scripts log are told.
    package init(executable: String, hosts: Int, limits: ScriptLimits = ScriptLimits(), logger: Logger) {
        precondition(hosts > 0, "a pool has at least one host")
        let configuration = HostProcess.Configuration(executable: executable, limits: limits)
        self.hosts = (0..<hosts).map { index in
            let executor = ThreadExecutor(name: "script-host-\(index)")
            return (HostProcess(configuration, on: executor), executor)
        }
        self.limits = limits
        self.logger = logger
        queue = JobQueue(hosts: hosts, capacity: limits.queueLength)
    }

    /// Keeps the hosts running until it is cancelled; then ends them, and every call that waits with an error.
    ///
    /// To be called once.
    package func run() async {
        await withTaskGroup { group in
            for (process, executor) in hosts {
                let supervisor = HostSupervisor(
                    host: process,
                    limits: limits,
                    queue: queue,
                    metrics: metrics,
                    logger: logger,
                    sessions: sessions,
                    nextKey: { self.nextIdentifier() }
                )
                // On the host's own thread, so that a request wakes no other on its way.
                group.addTask(executorPreference: executor) { await supervisor.run() }
            }
            group.addTask {
                while (try? await Task.sleep(for: .milliseconds(100))) != nil {
                    self.queue.expire(submittedBefore: .now - self.limits.queueTime)
                }
            }
            await group.waitForAll()
        }
        queue.close()
    }

    /// The process identifiers of the hosts that are running.
    package var hostIdentifiers: [Int32] {
        hosts.compactMap(\.process.identifier)
    }

    /// How many calls wait for a host.
    var waiting: Int { queue.count }

    /// A number that this pool has not given before.
    func nextIdentifier() -> Int {
        identifiers.withLock { identifier in
            identifier += 1
            return identifier
        }
    }

    /// Asks a host, and gives its reply unless that is an error.
    ///
    /// - Parameter lane: Whose request it is, where ``ScriptOwner`` names nobody.
    func perform(
        _ kind: ScriptMetrics.Request,
        in lane: ScriptLane,
        preferring host: JobQueue.HostKey? = nil,
        _ request: @escaping @Sendable (JobQueue.HostKey) -> HostRequest
    ) async throws(ScriptError) -> (HostReply, JobQueue.HostKey) {
        let identifier = nextIdentifier()
        let lane = ScriptOwner.current.map(ScriptLane.owner) ?? lane
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let job = JobQueue.Job(
                    identifier: identifier,
                    lane: lane,
                    preferred: host,
                    submitted: .now,
                    request: request,
                    complete: { continuation.resume(returning: $0) }
                )
                queue.submit(job)
                // Covers a cancellation that came before there was anything to cancel.
                if Task.isCancelled { queue.cancel(identifier) }
            }
        } onCancel: {
            queue.cancel(identifier)
        }
        do throws(ScriptError) {
            let (reply, key) = try result.get()
            switch reply {
            case .failed(let error), .dying(let error): throw error
            default: break
            }
            metrics.requestEnded(kind)
            return (reply, key)
        } catch {
            metrics.requestEnded(kind, error: error.kind)
            throw error
        }
    }

    /// Tells what scripts logged.
    func tell(_ lines: [String], of functions: ScriptFunctions) {
        guard !lines.isEmpty else { return }
        let name = functions.sources.first?.name ?? ""
        for line in lines.prefix(20) {
            logger.info("a script logs", metadata: ["function": "\(name)", "line": "\(line.prefix(1_000))"])
        }
    }
}
