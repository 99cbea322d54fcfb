import Contracts
import Foundation
import JSON
import Logging
import Messaging
import NIOCore
import NIOHTTP1
import PrivateServers
import Synchronization

/// A burst of notifications, as a back end sends them that was away: how soon they are taken in and worked off, and how
/// much memory that takes.
struct BurstCase: BenchCase {
    static let name = "burst"
    private static let stretch = 1_000
    /// Megabytes that a service may have more than before the burst, and the broker, which keeps all of it.
    private static let (serviceLimit, brokerLimit) = (128, 512)
    private static let patience = Duration.seconds(1_800)

    private static let files = [
        (
            "sequences/note.yaml",
            """
            variables: {n: {type: integer, required: true}}
            steps:
              - callTransaction: ledger.postDocument
                with: {document: {n: =n}, owner: anonymous}
            """
        )
    ]

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let count = stage.scaled(100_000)
        let events = try await EventStage.deploy(Self.files, notifications: "{burst: note}", on: stage)
        let memory = try MemoryWatch()
        let watching = Task { try await memory.watch() }
        defer { watching.cancel() }
        let before = try await taken(stage)
        let start = ContinuousClock.now
        try await publish(count, of: events)
        let accepted = ContinuousClock.now - start
        stage.progress("published: \(accepted.short)")
        try await wait("taken in", for: count) { try await taken(stage) - before }
        let written = ContinuousClock.now - start
        stage.progress("taken in: \(written.short)")
        try await wait("worked off", for: count) { try await events.countOfLedger() }
        let done = ContinuousClock.now - start
        try await events.end()
        let grown = memory.growth
        let isBounded = grown.allSatisfy { process in
            process.megabytes <= (process.name == "rabbitmq" ? Self.brokerLimit : Self.serviceLimit)
        }
        return [
            BenchLine(
                title: "burst of \(count) notifications: with the broker, written down, worked off",
                own: [accepted, written, done].map { $0.rate(count) }.joined(separator: ", "),
                target: "",
                isMet: nil
            ),
            BenchLine(
                title: "the same: most memory beyond before, " + grown.map(\.name).joined(separator: ", "),
                own: grown.map { "\($0.megabytes)" }.joined(separator: ", ") + " MB",
                target: "≤ \(Self.serviceLimit) MB, the broker \(Self.brokerLimit) MB",
                isMet: isBounded
            ),
        ]
    }

    /// Publishes them, each with an id, and waits until the broker has them all.
    private func publish(_ count: Int, of events: EventStage) async throws {
        let endpoints = try JSONValue(parsing: TextFile.read(Home(try ToolSettings().home).endpointsFile))
        var logger = Logger(label: "burst")
        logger.logLevel = .critical
        let broker = MessageBroker(
            try MessagingConfiguration(url: endpoints["amqp"]?.stringValue ?? ""),
            topology: .shared,
            logger: logger
        )
        let life = Task { try await broker.run() }
        defer { life.cancel() }
        for start in stride(from: 0, to: count, by: Self.stretch) {
            let messages = (start..<min(start + Self.stretch, count)).map { number in
                OutgoingMessage(
                    exchange: ExchangeName.notifications,
                    routingKey: "\(EventStage.project).burst",
                    body: JSONValue.object(["n": .number(JSONNumber(number))]).bytes,
                    contentType: "application/json",
                    messageID: "\(events.name)-\(number)",
                    isMandatory: true
                )
            }
            try await broker.publishAll(messages)
        }
    }

    private func wait(_ what: String, for count: Int, _ present: () async throws -> Int) async throws {
        let deadline = ContinuousClock.now + Self.patience
        while try await present() < count {
            guard ContinuousClock.now < deadline else { throw DemoFailure("the burst was not \(what) in time") }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// How many notifications of the benchmark the connector has accepted since it began.
    private func taken(_ stage: BenchStage) async throws -> Int {
        let administrator = stage.own.administrator
        let operations = try stage.demo.system.operations(of: "back-end-connector")
        let client = LoadClient(base: operations, credential: administrator.credential, http: administrator.http)
        let lines = String(buffer: try await client.get("/metrics")).split(separator: "\n")
        let accepted = lines.filter { line in
            line.hasPrefix("notifications_total{") && line.contains("project=\"\(EventStage.project)\"")
                && line.contains("outcome=\"accepted\"")
        }
        return accepted.compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.map { Int($0) }.reduce(0, +)
    }
}

/// Sees how much memory the processes have that a burst goes through.
private final class MemoryWatch: Sendable {
    private static let period = Duration.milliseconds(200)
    private let processes: [(name: String, pid: Int32, before: Int)]
    private let most: Mutex<[Int]>

    init() throws {
        let home = Home(try ToolSettings().home)
        let files = ["back-end-connector", "sequence-worker"].map { ($0, home.processFile(of: $0)) }
        processes = try (files + [("rabbitmq", home.path + "/rabbitmq/process")]).map { name, file in
            guard let process = TextFile.firstLine(of: file).flatMap({ ProcessIdentity($0) }) else {
                throw DemoFailure("the case needs the \(name) of the system in \(home.path)")
            }
            return (name, process.pid, Self.kilobytes(of: process.pid))
        }
        most = Mutex(processes.map(\.before))
    }

    /// Looks until the task is cancelled.
    func watch() async throws {
        while true {
            let present = processes.map { Self.kilobytes(of: $0.pid) }
            most.withLock { most in most = zip(most, present).map(max) }
            try await Task.sleep(for: Self.period)
        }
    }

    /// By how much each had more than at the beginning, at most.
    var growth: [(name: String, megabytes: Int)] {
        zip(processes, most.withLock(\.self)).map { ($0.name, ($1 - $0.before) >> 10) }
    }

    /// The resident memory of a process.
    private static func kilobytes(of pid: Int32) -> Int {
        let lines = ((try? TextFile.read("/proc/\(pid)/status")) ?? "").split(separator: "\n")
        let line = lines.first { $0.hasPrefix("VmRSS:") }?.split(separator: " ")
        return line.flatMap { $0.count > 1 ? Int($0[1]) : nil } ?? 0
    }
}
