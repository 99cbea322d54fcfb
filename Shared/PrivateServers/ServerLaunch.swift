/// Starts a server's process and waits for its word that it is ready.
struct ServerLaunch: Sendable {
    let directory: ServerDirectory
    /// How long a server may take; recovery after a crash counts.
    let patience: Duration
    /// How the server is ended when it is not ready in time.
    let ending: [(signal: Signal, wait: Duration)]

    /// The process, ready.
    func start(_ command: Command) async throws(PrivateServerError) -> ChildProcess {
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
    var isPortTaken: Bool {
        ended(saying: "Address already in use") || ended(saying: "eaddrinuse")
    }

    /// Whether the same start may go well a moment later.
    var mayPass: Bool {
        isPortTaken || ended(saying: "is still in use")
    }

    private func ended(saying words: String) -> Bool {
        guard case .ended = reason else { return false }
        return lastLines.contains { $0.contains(words) }
    }
}
