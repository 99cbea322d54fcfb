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
        try await start(program, ports: 1, environment: environment) { ports in arguments(ports[0]) }[0]
    }

    /// Starts a program on so many free ports, and waits until it takes connections at all of them.
    ///
    /// - Returns: The ports.
    func start(
        _ program: String,
        ports count: Int,
        environment: [String: String] = [:],
        arguments: ([Int]) -> [String]
    ) async throws -> [Int] {
        for _ in 0..<10 {
            let ports = try Self.freePorts(count)
            let child = try await ChildProcess.start(
                Command(
                    program,
                    arguments(ports),
                    environment: environment.merging(["PATH": "/usr/bin:/bin"]) { own, _ in own },
                    output: .appended(to: log.path),
                    signalWhenParentDies: .kill
                )
            )
            if let identity = ProcessIdentity(pid: child.pid) {
                try TextFile.replace(directory + "/process", with: identity.description + "\n")
            }
            if try await takesConnections(child, at: ports) { return ports }
        }
        throw CommandFailure(command: program, lines: log.lastLines(20))
    }

    private static func freePorts(_ count: Int) throws -> [Int] {
        var ports: Set<Int> = []
        while ports.count < count { ports.insert(try FreePort.any()) }
        return Array(ports)
    }

    /// Waits until the process, and not somebody else, listens at the ports; false when it has ended.
    private func takesConnections(_ child: ChildProcess, at ports: [Int]) async throws -> Bool {
        var isListening = false
        try await eventually("the server takes connections: \(log.lastLines(20))") {
            // What the whole machine has open is looked at only when it may be there.
            isListening = ports.allSatisfy { !FreePort.isFree($0) && ProcessTable.listens(child.pid, at: $0) }
            return isListening || child.exit != nil
        }
        return child.exit == nil && isListening
    }
}
