import Foundation
package import PrivateServers
import Testing

/// A service of this package as a process of its own, as it really runs.
package struct TestService: Sendable {
    /// Where it said that it listens.
    package struct Addresses: Sendable {
        /// `/_up` and `/metrics`.
        package let operations: String
        /// The public address, for a service that has one.
        package let http: String?
    }

    package let process: ChildProcess
    private let log: LogFile
    private let announceFile: String

    /// Starts the executable product `name` with that environment and nothing of this process's.
    package static func start(
        _ name: String,
        _ environment: [String: String] = [:],
        arguments: [String] = []
    ) async throws -> TestService {
        let directory = TestDirectory.make(name)
        let log = LogFile("\(directory)/log")
        // However slow the machine is: a test that is about one of these limits sets its own.
        let limits = ["FULLSYNC_START_TIMEOUT": "600s", "FULLSYNC_SHUTDOWN_TIMEOUT": "120s"]
        var environment = limits.merging(environment) { _, given in given }
        environment["FULLSYNC_ANNOUNCE_FILE"] = "\(directory)/announce.json"
        let process = try await ChildProcess.start(
            Command(
                Executables.path(name),
                arguments,
                environment: environment,
                output: .appended(to: log.path),
                signalWhenParentDies: .kill
            )
        )
        return TestService(process: process, log: log, announceFile: "\(directory)/announce.json")
    }

    /// What it has printed.
    package var output: String { log.lastLines(1_000).joined(separator: "\n") }

    /// Waits until it says where it listens.
    package func addresses() async throws -> Addresses {
        try await eventually("the service says where it listens: \(output)") {
            process.exit != nil || FileManager.default.fileExists(atPath: announceFile)
        }
        struct Announcement: Decodable {
            let operations: String
            let http: String?
        }
        let text = try TextFile.read(announceFile)
        let announcement = try JSONDecoder().decode(Announcement.self, from: Data(text.utf8))
        return Addresses(operations: announcement.operations, http: announcement.http)
    }

    /// Asks it to end and waits until it has.
    package func stop() async -> ChildProcess.ExitStatus {
        await process.end([(signal: .terminate, wait: .seconds(180))])
    }
}
