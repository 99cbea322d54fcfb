import Foundation
import JSON
import NIOCore
import NIOHTTP1
import PrivateServers

/// 5,000 feeds that wait: what each costs in memory, and how long a change takes to wake the one that it is for.
struct LongpollCase: BenchCase {
    static let name = "longpoll"
    /// Users whose feeds are woken; the others' feeds wait for what never comes.
    private static let readers = 20
    private static let writesPerSecond = 200

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let (count, writes) = (stage.scaled(5_000), stage.scaled(2_000))
        let users = try await stage.users()
        let (readers, idlers) = (users.prefix(Self.readers), users.dropFirst(Self.readers))
        let database = try await stage.database(on: [stage.own])
        for user in users { _ = try await stage.client(of: user) }
        let before = try await memory(stage)
        var waiting: [Task<Void, any Error>] = []
        defer { for task in waiting { task.cancel() } }
        for number in 0..<count {
            let client = try await stage.client(of: idlers[idlers.startIndex + number % idlers.count])
            waiting.append(Task { _ = try await client.get(Self.feed(database, since: "0")) })
            // In waves, so that they are not all on their way at once.
            if number % 250 == 249 { _ = try await stage.own.administrator.get("/_up") }
        }
        try await settle(stage, feeds: count)
        let memory = try await memory(stage) - before
        stage.progress("\(count) feeds wait, \(memory / count) bytes each")
        let wakes = try await measureWakes(stage, database, Array(readers), writes: writes)
        let p95 = wakes.percentile(0.95)
        return [
            BenchLine(
                title: "\(count) idle longpolls, memory of each",
                own: "\((Double(memory) / Double(count) / 1_024).short) KB",
                target: "≤ 30 KB",
                isMet: memory / count <= 30 * 1_024
            ),
            BenchLine(
                title: "a write to its feed, \(Self.writesPerSecond)/s, p50 p95 p99",
                own: [0.5, 0.95, 0.99].map { wakes.percentile($0).short }.joined(separator: ", "),
                target: "p95 ≤ 50 ms",
                isMet: p95 <= .milliseconds(50)
            ),
        ]
    }

    private static func feed(_ database: String, since: String) -> String {
        "/\(database)/_changes?feed=longpoll&timeout=600000&heartbeat=600000&since=\(since)"
    }

    /// Waits until the endpoint has the feeds' connections, and its memory rests.
    private func settle(_ stage: BenchStage, feeds: Int) async throws {
        var last = 0
        for _ in 0..<120 {
            try await Task.sleep(for: .milliseconds(500))
            let text = String(buffer: try await metrics(stage))
            let (open, memory) = (
                Self.value(of: "process_open_fds", in: text), Self.value(of: "process_resident_memory_bytes", in: text)
            )
            if open >= feeds, memory == last { return }
            last = memory
        }
    }

    private func memory(_ stage: BenchStage) async throws -> Int {
        Self.value(of: "process_resident_memory_bytes", in: String(buffer: try await metrics(stage)))
    }

    private func metrics(_ stage: BenchStage) async throws -> ByteBuffer {
        let operations = try stage.demo.system.operations(of: "replication-endpoint")
        let administrator = stage.own.administrator
        return try await LoadClient(base: operations, credential: administrator.credential, http: administrator.http)
            .get("/metrics")
    }

    private static func value(of metric: String, in text: String) -> Int {
        let line = text.split(separator: "\n").first { $0.hasPrefix("\(metric) ") }
        return line.flatMap { Double($0.dropFirst(metric.count + 1)) }.map { Int($0) } ?? 0
    }

    /// Writes a document of one reader after the other, and notes when that reader's feed tells of it.
    private func measureWakes(
        _ stage: BenchStage,
        _ database: String,
        _ readers: [String],
        writes: Int
    ) async throws -> Figures {
        let log = WakeLog()
        var following: [Task<Void, any Error>] = []
        for reader in readers {
            let client = try await stage.client(of: reader)
            following.append(Task { try await Self.follow(client, database, log) })
        }
        defer { for task in following { task.cancel() } }
        let documents = BenchDocuments(count: writes) { number in readers[number % readers.count] }
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<writes {
                try await Task.sleep(until: start + .seconds(1) * number / Self.writesPerSecond)
                group.addTask {
                    var body = ByteBuffer()
                    documents.write(number, to: &body, withID: false)
                    let id = BenchDocuments.id(number)
                    await log.wrote(id)
                    try await stage.own.administrator.ask(.PUT, "/\(database)/\(id)", body)
                }
            }
            try await group.waitForAll()
        }
        return try await log.figures(of: writes, within: .seconds(30))
    }

    private static func follow(_ client: LoadClient, _ database: String, _ log: WakeLog) async throws {
        var since = "0"
        while !Task.isCancelled {
            let answer = try await client.get(feed(database, since: since))
            let now = ContinuousClock.now
            await log.saw(FeedRows(answer).ids, at: now)
            let last = try JSONValue(parsing: Array(answer.readableBytesView))["last_seq"]
            since = last?.stringValue ?? last.map { String(decoding: $0.bytes, as: UTF8.self) } ?? since
        }
    }
}

/// When each document was sent, and when its reader's feed had it.
private actor WakeLog {
    private var sent: [String: ContinuousClock.Instant] = [:]
    private var seen: [String: ContinuousClock.Instant] = [:]

    func wrote(_ id: String) { sent[id] = .now }

    func saw(_ ids: Set<String>, at now: ContinuousClock.Instant) {
        for id in ids where seen[id] == nil { seen[id] = now }
    }

    /// The durations, when all have been seen.
    func figures(of count: Int, within limit: Duration) async throws -> Figures {
        let deadline = ContinuousClock.now + limit
        while seen.count < count {
            guard ContinuousClock.now < deadline else {
                throw DemoFailure("\(count - seen.count) of \(count) writes woke no feed")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        return Figures(sent.compactMap { id, sent in seen[id].map { sent.duration(to: $0) } })
    }
}
