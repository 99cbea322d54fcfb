import Foundation
import PrivateServers

/// `fullsync run` as a background process of a session of its own.
struct BackgroundRun {
    let home: Home
    let console: Console

    /// Starts it and relays what it says until it is ready.
    ///
    /// The process keeps nothing open of this one's: its output goes to the home's log, its input is empty.
    ///
    /// - Throws: ``StartFailure`` when it ended instead, or when `signals` asked for an end meanwhile.
    func start(interruptedBy signals: StopSignals) async throws {
        try home.create()
        let command = Command(
            try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
            ["run"],
            environment: ProcessInfo.processInfo.environment,
            directory: FileManager.default.currentDirectoryPath,
            output: .appended(to: home.supervisorLog.path),
            signalWhenParentDies: nil
        )
        home.supervisorLog.rotate(above: 1_048_576)
        let (child, readiness) = try await LogFollower(home.supervisorLog).relaying(to: console) {
            try await Self.launch(command, signals)
        }
        switch readiness {
        case .ready: return
        case .ended(let status): throw StartFailure.ended(status)
        case .cancelled, .late:
            _ = await LogFollower(home.supervisorLog).relaying(to: console) {
                await child.end([(.terminate, .seconds(90))])
            }
            throw StartFailure.interrupted
        }
    }

    /// Starts the process and waits for it, or for a signal.
    ///
    /// The process itself knows how long each part may take.
    private static func launch(
        _ command: Command,
        _ signals: StopSignals
    ) async throws -> (ChildProcess, ChildProcess.Readiness) {
        let start = Task {
            try await ChildProcess.startAwaitingReadiness(command, patience: .seconds(86_400))
        }
        let interruption = Task {
            await signals.wait(for: 1)
            start.cancel()
        }
        defer { interruption.cancel() }
        return try await start.value
    }
}
