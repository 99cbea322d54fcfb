import Foundation
import JSON
import NIOCore
import NIOHTTP1

/// 10,000 jobs: what they cost while none is due, and how late those are that are.
struct SchedulesCase: BenchCase {
    static let name = "schedules"
    private static let projects = 10
    private static let interval = 10
    private static let ticking = 20
    private static let watch = Duration.seconds(30)

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let count = stage.scaled(10_000)
        for number in 0..<Self.projects {
            try await deploy(number, jobs: count / Self.projects, on: stage)
        }
        // The first look at new jobs decides about each of them.
        try await Task.sleep(for: .seconds(10))
        let before = try await cpu(stage)
        try await Task.sleep(for: Self.watch)
        let load = (try await cpu(stage) - before) / (Self.watch / .seconds(1)) * 100
        for number in 0..<Self.projects {
            try await stage.own.administrator.ask(.DELETE, "/_fullsync/projects/\(EventStage.project)-jobs-\(number)")
        }

        let events = try await EventStage.deploy(Self.ticks, on: stage)
        try await Task.sleep(for: .seconds(3 * Self.interval))
        let late = try await events.ledger().compactMap { entry -> Duration? in
            entry["now"]?.doubleValue.map {
                .milliseconds($0.truncatingRemainder(dividingBy: Double(Self.interval) * 1_000))
            }
        }
        try await events.end()
        // The first firing of a new job is at once.
        let figures = Figures(late.sorted().dropLast(Self.ticking))
        return [
            BenchLine(
                title: "\(count) jobs, none due: processor",
                own: "\(load.short) %",
                target: "< 1 % of a core",
                isMet: load < 1
            ),
            BenchLine(
                title: "\(Self.ticking) jobs due at once: start after their time, p95, max",
                own: [0.95, 1].map { figures.percentile($0).short }.joined(separator: ", "),
                target: "≤ 1 s",
                isMet: figures.percentile(1) <= .seconds(1)
            ),
        ]
    }

    private static let ticks =
        [
            (
                "sequences/tick.yaml",
                """
                steps:
                  - js: return Date.now();
                    as: now
                  - callTransaction: ledger.postDocument
                    with: {document: {now: =now}, owner: anonymous}
                """
            )
        ]
        + (0..<ticking).map {
            ("jobs/tick-\($0).yaml", "sequence: tick\nschedule: {every: \(interval)s}\noverlap: allow\n")
        }

    /// Deploys a project with so many jobs that fire once a year.
    private func deploy(_ number: Int, jobs: Int, on stage: BenchStage) async throws {
        let name = "\(EventStage.project)-jobs-\(number)"
        var files: [(String, JSONValue)] = [
            ("project.yaml", .string("project: \(name)\n")), ("sequences/none.yaml", "steps: []\n"),
        ]
        for job in 0..<jobs {
            let time = "0 \(job % 60) \(job / 60 % 24) 1 1 *"
            files.append(("jobs/job-\(job).yaml", .string("sequence: none\nschedule: {cron: \(time)}\n")))
        }
        let body: JSONValue = ["files": .object(JSONObject(files.map { ($0.0, $0.1) }))]
        try await stage.own.administrator.ask(.PUT, "/_fullsync/projects/\(name)", ByteBuffer(bytes: body.bytes))
    }

    /// The processor time of the scheduler, in seconds.
    private func cpu(_ stage: BenchStage) async throws -> Double {
        let administrator = stage.own.administrator
        let operations = try stage.demo.system.operations(of: "scheduler")
        let client = LoadClient(base: operations, credential: administrator.credential, http: administrator.http)
        let metric = "process_cpu_seconds_total "
        let lines = String(buffer: try await client.get("/metrics")).split(separator: "\n")
        return lines.first { $0.hasPrefix(metric) }.flatMap { Double($0.dropFirst(metric.count)) } ?? 0
    }
}
