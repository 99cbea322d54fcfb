import Executors
import Synchronization

/// One script host: a child process, asked one thing at a time.
///
/// The actor is a thread of its own, on which it may block; whoever waits for it does not.
actor HostProcess {
    private let executor: ThreadExecutor
    private let configuration: Configuration
    private let process = Mutex<Int32?>(nil)
    private var child: Child?

    /// What a host is started with.
    struct Configuration: Sendable {
        let executable: String
        let limits: ScriptLimits
    }

    /// Why a host gave no reply; it has ended then, whatever the reason.
    enum Failure: Error, Sendable {
        /// It could not be started.
        case start(String)
        /// It did not answer in time and was killed.
        case deadline
        /// It answered nonsense and was killed.
        case malformed(String)
        /// It had ended before it was asked.
        case absent
        /// It ended by itself or was ended from outside.
        case ended(ChildProcess.End)
    }

    /// A box, because an actor's optional property cannot be of a type that is not copyable and be taken apart.
    private final class Child {
        let process: ChildProcess

        init(_ process: consuming ChildProcess) {
            self.process = process
        }
    }

    /// A host that is not yet started and will work on that thread.
    init(_ configuration: Configuration, on executor: ThreadExecutor) {
        self.configuration = configuration
        self.executor = executor
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// Starts the process and agrees on the protocol.
    func start() throws(Failure) {
        do throws(FrameError) {
            let child = try ChildProcess.start(
                configuration.executable,
                arguments: [],
                environment: Self.environment(configuration.limits)
            )
            process.withLock { $0 = child.identifier }
            self.child = Child(child)
        } catch {
            throw .start("\(configuration.executable) cannot be started: \(error)")
        }
        let hello = HostRequest.hello(version: HostRequest.version, limits: HostLimits(configuration.limits))
        let reply = try exchange(hello, within: configuration.limits.startTime)
        guard case .hello(HostRequest.version) = reply else {
            stop()
            throw .start("\(configuration.executable) speaks another version of the protocol")
        }
    }

    /// Asks the process and waits for its reply.
    func exchange(_ request: HostRequest, within time: Duration) throws(Failure) -> HostReply {
        guard let child else { throw .absent }
        if ChildProcess.hasEnded(child.process.identifier) {
            stop()
            throw .absent
        }
        let deadline = ContinuousClock.now + time
        let limit = configuration.limits.outputSize + Frame.maximumHeader
        do throws(FrameError) {
            do throws(FrameError) {
                try child.process.channel.write(request.frame.bytes, deadline: deadline)
            } catch .truncated {
                // The host ended while it was being written to; what it said last is read all the same.
            }
            guard let frame = try child.process.channel.readFrame(limit: limit, deadline: deadline) else {
                throw .truncated
            }
            let reply = try HostReply(frame)
            if case .dying = reply { _ = end() }
            return reply
        } catch {
            throw failure(after: error)
        }
    }

    /// Ends the process, if there is one, and waits for its end.
    func stop() {
        _ = end()
    }

    /// The process's identifier while it runs.
    nonisolated var identifier: Int32? {
        process.withLock { $0 }
    }

    /// Ends the process at once, from any thread; what is being asked of it fails.
    nonisolated func kill() {
        process.withLock { identifier in
            if let identifier { endProcess(identifier) }
        }
    }

    /// Lets the thread end.
    nonisolated func shutdown() {
        executor.shutdown()
    }

    private func failure(after error: FrameError) -> Failure {
        // A host that closed its pipe is about to end by itself, and how is worth knowing.
        let ending = error == .truncated ? reap(afterKilling: false) : end()
        return switch error {
        case .deadline: .deadline
        case .malformed(let reason): .malformed(reason)
        case .truncated, .system: .ended(ending ?? .exit(HostExit.finished.rawValue))
        }
    }

    private func end() -> ChildProcess.End? {
        reap(afterKilling: true)
    }

    private func reap(afterKilling: Bool) -> ChildProcess.End? {
        guard let identifier = child?.process.identifier else { return nil }
        child = nil
        if afterKilling { kill() }
        // The identifier is given up under the lock before the system may give it to another process.
        ChildProcess.awaitEnd(identifier)
        process.withLock { $0 = nil }
        return ChildProcess.reap(identifier)
    }

    /// The whole environment of a host: the same time zone and language on every machine, so that a view's rows do
    /// not depend on where it was indexed, and an engine that knows how much memory it has.
    private static func environment(_ limits: ScriptLimits) -> [String] {
        ["TZ=UTC", "LANG=C.UTF-8", "JSC_forceRAMSize=\(limits.memory)"]
    }
}

extension HostLimits {
    init(_ limits: ScriptLimits) {
        self.init(
            callMilliseconds: limits.callTime.milliseconds,
            memory: limits.memory,
            inputSize: limits.inputSize,
            outputSize: limits.outputSize,
            environments: limits.warmEnvironments,
            sessions: limits.warmSessions
        )
    }
}
