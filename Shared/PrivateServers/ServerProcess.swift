/// The process that a private server runs as, and the lock that keeps its directory for it.
final class ServerProcess {
    private let directory: ServerDirectory
    /// How long a start may take; recovery after a crash counts.
    private let patience: Duration
    /// How it is ended: each signal in turn gets its time.
    private let ending: [(signal: Signal, wait: Duration)]
    private var lock: DirectoryLock?
    private var child: ChildProcess?

    init(directory: ServerDirectory, patience: Duration, ending: [(signal: Signal, wait: Duration)]) {
        self.directory = directory
        self.patience = patience
        self.ending = ending
    }

    /// The running process, or nil.
    var pid: Int32? { child.flatMap { $0.exit == nil ? $0.pid : nil } }

    /// Takes the directory, and gives it back when `start` fails.
    func locked<Result>(
        _ start: () async throws(PrivateServerError) -> Result
    ) async throws(PrivateServerError) -> Result {
        if lock == nil { lock = try directory.lock() }
        do throws(PrivateServerError) {
            return try await start()
        } catch {
            lock = nil
            throw error
        }
    }

    /// Starts it and waits for its word that it is ready; gives the ports that it has.
    ///
    /// It is started on other ports when somebody was faster. When its ports are fixed, or when a killed server's last
    /// sessions still hold its memory, it is started again and again, for as long as a start may take.
    func start<Ports>(
        onFixedPorts: Bool,
        _ prepare: () throws(PrivateServerError) -> (Ports, Command)
    ) async throws(PrivateServerError) -> Ports {
        let deadline = ContinuousClock.now + patience
        while true {
            let (ports, command) = try prepare()
            do throws(PrivateServerError) {
                child = try await start(command)
                return ports
            } catch {
                guard error.mayPass, ContinuousClock.now < deadline else { throw error }
                // A sleep that is cancelled shows in the next attempt.
                if onFixedPorts || !error.isPortTaken { try? await Task.sleep(for: .milliseconds(250)) }
            }
        }
    }

    /// Waits until it ends; nil when it does not run.
    func waitForExit() async -> ChildProcess.ExitStatus? {
        await child?.waitForExit()
    }

    /// Ends it and gives the directory back.
    func stop() async {
        if let child {
            await child.end(ending)
            directory.forget()
            self.child = nil
        }
        lock = nil
    }

    private func start(_ command: Command) async throws(PrivateServerError) -> ChildProcess {
        let offset = directory.log.size
        let child: ChildProcess
        let readiness: ChildProcess.Readiness
        do {
            (child, readiness) = try await ChildProcess.startAwaitingReadiness(command, patience: patience)
        } catch {
            throw directory.failure(.preparation("\(error)"))
        }
        let reason: PrivateServerError.Reason
        switch readiness {
        case .ready:
            directory.remember(child)
            return child
        case .ended(let status): reason = .ended(status)
        case .late: reason = .late(patience)
        case .cancelled: reason = .cancelled
        }
        await child.end(ending)
        throw directory.failure(reason, directory.log.lastLines(after: offset))
    }
}

extension PrivateServerError {
    /// Whether another program took the port between the choice and the start.
    fileprivate var isPortTaken: Bool {
        ended(saying: "Address already in use") || ended(saying: "eaddrinuse")
    }

    /// Whether the same start may go well a moment later.
    fileprivate var mayPass: Bool {
        isPortTaken || ended(saying: "is still in use")
    }

    private func ended(saying words: String) -> Bool {
        guard case .ended = reason else { return false }
        return lastLines.contains { $0.contains(words) }
    }
}
