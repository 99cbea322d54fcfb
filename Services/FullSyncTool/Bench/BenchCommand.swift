import ArgumentParser
import Foundation
import JSON

/// `fullsync bench`: how fast the running system is.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures the running system with its demo: replication, and the way to the back end and from it.",
        discussion: """
            With --peer the replication is measured against another CouchDB-compatible server, too, in turns, and the
            ratios are printed. It makes databases named fullsync-bench-… there and deletes them.
            """
    )

    @Option(help: "Another server, as http://user:password@host:port.")
    var peer: String?

    @Option(help: "How often each replication is measured; the medians count.")
    var rounds = 3

    @Option(help: "How many changes are sent each way, 20 a second.")
    var changes = 200

    func validate() throws {
        guard (1...100).contains(rounds), (10...10_000).contains(changes) else {
            throw ValidationError("--rounds must be between 1 and 100, --changes between 10 and 10000")
        }
    }

    func run() async throws {
        try await reportingFailure {
            let stage = DemoStage(try DemoSystem())
            let console = Console()
            let welcome = try await stage.administrator.get("/")
            console.print("Full Sync \(welcome["vendor"]?["version"]?.stringValue ?? ""), \(Self.machine)")
            _ = try await stage.waitForPulls()
            try await ReplicationBench(stage: stage, peer: peer, rounds: rounds, console: console).run()
            try await LatencyBench(stage: stage, changes: changes, console: console).run()
        }
    }

    private static var machine: String {
        let process = ProcessInfo.processInfo
        return "\(process.activeProcessorCount) cores, \(process.operatingSystemVersionString)"
    }
}
