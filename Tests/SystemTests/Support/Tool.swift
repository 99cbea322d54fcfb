import Foundation
import JSON
import PrivateServers
import TestSupport
import Testing

/// The command line of the running system.
struct Tool: Sendable {
    /// What a command printed, and how it ended.
    struct Ended: Sendable {
        let status: Int32
        let output: String
        let errors: String

        var lines: [Substring] { output.split(separator: "\n") }
        /// What it printed as JSON; null when it is none.
        var json: JSONValue { (try? JSONValue(parsing: output)) ?? .null }
    }

    let environment: [String: String]
    private let directory = TestDirectory.make("tool")

    /// The tool of a system, with settings besides.
    init(_ system: RunningSystem, _ settings: [String: String] = [:]) throws {
        let port = try #require(URLComponents(string: system.http)?.port)
        environment = [
            "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "FULLSYNC_HOME": system.home, "FULLSYNC_PORT": String(port),
        ].merging(settings) { $1 }
    }

    /// The tool without a system.
    init(_ settings: [String: String]) {
        environment = ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"].merging(settings) { $1 }
    }

    /// Runs a command to its end; its output goes to files.
    func callAsFunction(_ arguments: String...) async throws -> Ended {
        try await run(arguments)
    }

    func run(_ arguments: [String]) async throws -> Ended {
        try await run("exec \"$0\" \"$@\" > out 2> err", arguments)
    }

    /// Runs a command on a terminal of its own.
    func onTerminal(_ arguments: String...) async throws -> Ended {
        try await run("exec script --quiet --return --command \"'$0' $*\" /dev/null > out 2> err", arguments)
    }

    private func run(_ script: String, _ arguments: [String]) async throws -> Ended {
        let place = "\(directory)/\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let command = Command(
            "/usr/bin/bash",
            ["-c", script, Executables.path("fullsync")] + arguments,
            environment: environment,
            directory: place,
            output: .appended(to: "\(place)/shell"),
            signalWhenParentDies: .kill
        )
        let exit = try await ChildProcess.start(command).waitForExit()
        guard case .code(let status) = exit else {
            throw CommandFailure(command: arguments.joined(separator: " "), lines: ["ended by \(exit)"])
        }
        func text(_ name: String) throws -> String { try TextFile.read("\(place)/\(name)") }
        return Ended(status: status, output: try text("out"), errors: try text("err"))
    }
}
