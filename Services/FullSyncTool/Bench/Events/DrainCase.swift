import Foundation
import JSON
import PrivateServers

/// Queued changes drained by one, two and four workers.
struct DrainCase: BenchCase {
    static let name = "drain"

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let count = stage.scaled(100_000)
        let events = try await EventStage.deploy(EventFiles.calling, on: stage)
        let worker = try BenchWorker()
        var lines: [BenchLine] = []
        var before: Duration?
        for (round, workers) in [1, 2, 4].enumerated() {
            let helpers = try await worker.helpers(workers - 1)
            // Nobody works while the changes are queued.
            worker.pause(helpers)
            do {
                try await events.write(count, from: round * count)
                try await events.wait(for: "call", done: false)
            } catch {
                worker.proceed(helpers)
                throw error
            }
            let time = try await ContinuousClock().measure {
                worker.proceed(helpers)
                try await events.wait(for: "call", done: true)
            }
            for helper in helpers { await helper.end([(.terminate, .seconds(30))]) }
            stage.progress("\(workers) workers: \(time.short)")
            lines.append(
                BenchLine(
                    title: "\(count) queued changes, \(workers) worker\(workers == 1 ? "" : "s")",
                    own: "\((time / count).short) each",
                    target: workers == 1 ? "" : workers == 2 ? "less than with 1" : "not more than with 1",
                    isMet: before.map { time < $0 }
                )
            )
            before = before ?? time
        }
        try await events.end()
        return lines
    }
}

/// The sequence worker of the running system, and others like it.
private struct BenchWorker {
    private let first: ProcessIdentity
    private let program: String
    private let environment: [String: String]

    init() throws {
        let home = Home(try ToolSettings().home)
        let line = TextFile.firstLine(of: home.processFile(of: "sequence-worker"))
        guard let first = line.flatMap({ ProcessIdentity($0) }) else {
            throw DemoFailure("the case needs the sequence worker of the system in \(home.path)")
        }
        self.first = first
        program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(first.pid)/exe")
        var environment: [String: String] = [:]
        for pair in try TextFile.read("/proc/\(first.pid)/environ").split(separator: "\0") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if parts.count == 2 { environment[parts[0]] = parts[1] }
        }
        environment["FULLSYNC_ANNOUNCE_FILE"] = nil
        self.environment = environment
    }

    /// Starts so many more workers, which end with this process.
    func helpers(_ count: Int) async throws -> [ChildProcess] {
        var helpers: [ChildProcess] = []
        for _ in 0..<count {
            helpers.append(
                try await ChildProcess.start(
                    Command(
                        program,
                        environment: environment,
                        output: .discarded,
                        signalWhenParentDies: .kill
                    )
                )
            )
        }
        // They connect while the changes are written.
        return helpers
    }

    func pause(_ helpers: [ChildProcess]) {
        for process in all(helpers) { process.pause() }
    }

    func proceed(_ helpers: [ChildProcess]) {
        for process in all(helpers) { process.proceed() }
    }

    private func all(_ helpers: [ChildProcess]) -> [ProcessIdentity] {
        [first] + helpers.compactMap { ProcessIdentity(pid: $0.pid) }
    }
}
