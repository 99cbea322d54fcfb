import Foundation
import PrivateServers

/// A program that a test ran and that failed.
package struct CommandFailure: Error, CustomStringConvertible {
    package let command: String
    /// What it printed.
    package let lines: [String]

    package init(command: String, lines: [String]) {
        self.command = command
        self.lines = lines
    }

    package var description: String { "\(command) failed: \(lines.joined(separator: " | "))" }

    /// Runs a program to its end and gives what it printed.
    ///
    /// - Throws: ``CommandFailure`` when it does not exit with 0.
    @discardableResult
    package static func check(
        _ program: String,
        _ arguments: [String],
        environment: [String: String] = ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"]
    ) async throws -> [String] {
        let log = LogFile("\(TestDirectory.shared)/command-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(atPath: log.path) }
        let command = Command(program, arguments, environment: environment, output: .appended(to: log.path))
        let status = try await ChildProcess.start(command).waitForExit()
        let lines = ((try? TextFile.read(log.path)) ?? "").split(separator: "\n").map(String.init)
        guard status.isSuccess else { throw CommandFailure(command: program, lines: lines) }
        return lines
    }
}
