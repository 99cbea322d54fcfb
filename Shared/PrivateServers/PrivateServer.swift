/// A server that runs for one installation alone: its own data directory, loopback only, a free port, its own password.
///
/// It starts as a child of this process and ends with it, even when this process is killed.
package protocol PrivateServer: Actor {
    /// What people call it.
    nonisolated var name: String { get }
    /// What it writes.
    nonisolated var log: LogFile { get }

    /// The running process, or nil.
    var pid: Int32? { get }

    /// Starts it and waits until it takes connections.
    ///
    /// After it ended by itself it may be started again and has the same address, because others were told of it. What
    /// an earlier supervisor left running in the directory is ended first.
    ///
    /// - Parameter progress: called with a line for people at each step.
    /// - Returns: the address, credentials included.
    func start(_ progress: @escaping ProgressReport) async throws(PrivateServerError) -> String

    /// Waits until it ends, by itself or by ``stop()``; nil when it does not run.
    func waitForExit() async -> ChildProcess.ExitStatus?

    /// Ends it in order, with force when it takes too long; does nothing when it does not run.
    func stop() async
}

/// Takes a line that tells people what is going on.
package typealias ProgressReport = @Sendable (String) -> Void
