import ArgumentParser
import AsyncHTTPClient
import Foundation
import JSON

/// `fullsync bench`: how fast the running system is.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures the running system with its demo, and says which targets are met.",
        discussion: """
            With --peer the same load goes to another CouchDB-compatible server, too, in turns, and the ratios are \
            printed. It makes databases named fullsync-bench-… there and deletes them.

            Cases: \(caseNames.joined(separator: ", ")).
            """
    )

    private static let (replication, latency) = ("replication", "latency")
    private static let caseNames = [replication, latency] + SpeedBench.cases.map { $0.name }

    @Option(help: "Another server, as http://user:password@host:port.")
    var peer: String?

    @Option(help: "Only the case of that name; may be given several times.")
    var only: [String] = []

    @Option(help: "How often each case is measured; the medians count.")
    var rounds = 5

    @Option(help: "How many changes are sent each way, 20 a second.")
    var changes = 200

    @Option(help: "Smaller sets of documents, for a quick try: 0.1 is a tenth.")
    var scale = 1.0

    @Flag(help: "Also from a database of 1,000,000 documents, and 100,000 on a device, which takes minutes.")
    var full = false

    func validate() throws {
        guard (1...100).contains(rounds), (10...10_000).contains(changes), (0.001...10).contains(scale) else {
            throw ValidationError(
                "--rounds must be between 1 and 100, --changes between 10 and 10000, --scale between 0.001 and 10"
            )
        }
        for name in only where !Self.caseNames.contains(name) {
            throw ValidationError("there is no case '\(name)'; there are \(Self.caseNames.joined(separator: ", "))")
        }
    }

    func run() async throws {
        try await reportingFailure {
            let demo = DemoStage(try DemoSystem())
            let console = Console()
            let http = LoadClient.makeHTTP()
            do {
                try await measure(demo, http, console)
            } catch {
                try? await http.shutdown()
                throw error
            }
            try await http.shutdown()
        }
    }

    private func measure(_ demo: DemoStage, _ http: HTTPClient, _ console: Console) async throws {
        let servers = try BenchServer.all(demo, peer: peer, http: http)
        console.print(Self.machine)
        for server in servers { console.print("\(server.name): \(try await server.version())") }
        _ = try await demo.waitForPulls()
        if wants(Self.replication) {
            try await ReplicationBench(stage: demo, peer: peer, rounds: rounds, console: console).run()
        }
        if wants(Self.latency) { try await LatencyBench(stage: demo, changes: changes, console: console).run() }
        let stage = BenchStage(
            demo: demo,
            servers: servers,
            rounds: rounds,
            scale: scale,
            isFull: full,
            console: console
        )
        guard only.isEmpty || only.contains(where: { ![Self.replication, Self.latency].contains($0) }) else { return }
        try await SpeedBench(stage: stage, console: console).run(only: only)
    }

    private func wants(_ name: String) -> Bool { only.isEmpty || only.contains(name) }

    private static var machine: String {
        let process = ProcessInfo.processInfo
        return "\(process.activeProcessorCount) cores, \(process.physicalMemory >> 30) GB, "
            + process.operatingSystemVersionString
    }
}
