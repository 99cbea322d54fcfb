import Foundation
import PrivateServers

/// A whole system in a directory of its own, for as long as somebody needs it.
enum PrivateSystem {
    private static let patience = Duration.seconds(300)

    /// Starts one, without the demo, hands it over, and ends and removes it, also when this process is asked to end.
    static func with<Result: Sendable>(
        _ body: @Sendable @escaping (AdministeredEndpoint) async throws -> Result
    ) async throws -> Result {
        let directory = FileManager.default.temporaryDirectory.path + "/fullsync-test-\(UUID().uuidString.prefix(8))"
        let home = Home(directory)
        try home.create()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let port = try FreePort.any(for: .later)
        let log = LogFile(directory + "/output")
        let signals = StopSignals()
        Console().progress("Starting a private system …")
        let (child, readiness) = try await ChildProcess.startAwaitingReadiness(
            command(directory, port, log),
            patience: patience
        )
        do {
            guard readiness == .ready else {
                throw NoPrivateSystem(lines: log.lastLines(30))
            }
            let result = try await withInterruption(by: signals) {
                try await body(try AdministeredEndpoint(home: home, port: port))
            }
            await end(child)
            return result
        } catch {
            await end(child)
            throw error
        }
    }

    private static func end(_ child: ChildProcess) async {
        _ = await child.end([(.terminate, .seconds(90))])
    }

    private static func command(_ directory: String, _ port: Int, _ log: LogFile) throws -> Command {
        var environment = ProcessInfo.processInfo.environment.filter { isPassedOn($0.key) }
        environment["FULLSYNC_HOME"] = directory
        environment["FULLSYNC_PORT"] = String(port)
        environment["FULLSYNC_DEMO"] = "off"
        // How long the whole system is waited for is decided here, and by no part of it.
        for limit in ["FULLSYNC_START_TIMEOUT", "FULLSYNC_READY_TIMEOUT"] {
            environment[limit] = "\(patience.components.seconds)s"
        }
        return Command(
            try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
            ["run"],
            environment: environment,
            directory: FileManager.default.currentDirectoryPath,
            output: .appended(to: log.path)
        )
    }

    /// Whether a variable of this process is one of the system's too.
    ///
    /// What is set for another system is not; the projects' symbols are, and what connectors may do.
    static func isPassedOn(_ variable: String) -> Bool {
        guard variable.hasPrefix("FULLSYNC_") else { return true }
        return ["FULLSYNC_SYMBOL_", "FULLSYNC_CONNECTOR_"].contains { variable.hasPrefix($0) }
            || variable == "FULLSYNC_SERVICES_DIRECTORY"
    }

    /// Runs the body, and gives it up when this process is asked to end.
    private static func withInterruption<Result: Sendable>(
        by signals: StopSignals,
        _ body: @Sendable @escaping () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                await signals.wait(for: 1)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let result = first else { throw StartFailure.interrupted }
            return result
        }
    }
}

/// The private system did not start.
struct NoPrivateSystem: Error, CustomStringConvertible {
    /// What it said last.
    let lines: [String]

    var description: String { (["the private system did not start:"] + lines).joined(separator: "\n    ") }
}
