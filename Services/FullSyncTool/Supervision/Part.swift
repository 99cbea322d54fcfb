import PrivateServers

/// One thing that the supervisor keeps running: a private server or a service.
protocol Part: Actor {
    /// As people and endpoints.json call it.
    nonisolated var name: String { get }
    nonisolated var log: LogFile { get }
    /// The running process.
    var pid: Int32? { get async }
    /// Where it answers `/_up` and `/metrics`, without the path; nil for the servers.
    var operations: String? { get async }

    /// Starts it and waits until it is ready.
    func start() async throws

    /// Waits until it ends.
    func waitForExit() async -> ChildProcess.ExitStatus?

    /// Ends it in order.
    func stop() async
}

/// Why a part is not ready.
struct PartFailure: Error, CustomStringConvertible {
    let part: String
    let reason: String
    /// The end of its log.
    var lastLines: [String] = []
    /// Whether a new start may go better: it was killed, it did not fail.
    var mayPass = false

    var description: String {
        let lines = lastLines.map { "\n    \($0)" }.joined()
        return "\(part) \(reason)" + (lines.isEmpty ? "" : "; its last lines:\(lines)")
    }
}
