import Foundation
import PrivateServers
import Testing

/// A server of a back end that tests start: its directory, its process, and how one waits for it.
struct TestServerProcess: Sendable {
    /// Empty, and removed with the process that runs the tests.
    let directory: String

    init(_ name: String) {
        directory = TestDirectory.make(name)
    }

    private var log: LogFile { LogFile(directory + "/log") }

    /// Starts a program on a free port, on another one when somebody was faster, and waits until it takes connections.
    ///
    /// - Returns: The port.
    func start(
        _ program: String,
        environment: [String: String] = [:],
        arguments: (Int) -> [String]
    ) async throws -> Int {
        for _ in 0..<10 {
            let port = try FreePort.any()
            let child = try await ChildProcess.start(
                Command(
                    program,
                    arguments(port),
                    environment: environment.merging(["PATH": "/usr/bin:/bin"]) { own, _ in own },
                    output: .appended(to: log.path),
                    signalWhenParentDies: .kill
                )
            )
            if let identity = ProcessIdentity(pid: child.pid) {
                try TextFile.replace(directory + "/process", with: identity.description + "\n")
            }
            if try await takesConnections(child, port) { return port }
        }
        throw CommandFailure(command: program, lines: log.lastLines(20))
    }

    /// Waits until somebody listens at the port; false when the process has ended.
    private func takesConnections(_ child: ChildProcess, _ port: Int) async throws -> Bool {
        var isListening = false
        try await eventually("the server takes connections: \(log.lastLines(20))") {
            isListening = !FreePort.isFree(port)
            return isListening || child.exit != nil
        }
        return child.exit == nil && isListening
    }
}
