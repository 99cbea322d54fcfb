import Foundation
import JSON
import NIOCore
import NIOHTTP1
import PrivateServers

/// Calls of sequences over HTTP: how many a second, on the running workers and with one more, and what a step costs.
struct SequencesCase: BenchCase {
    static let name = "sequences"

    /// How many calls are under way at once.
    private static let width = 32

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let project = try await BenchProject(at: stage.demo.endpoint)
        do {
            let lines = try await lines(project, stage)
            try await project.remove()
            return lines
        } catch {
            try? await project.remove()
            throw error
        }
    }

    private func lines(_ project: BenchProject, _ stage: BenchStage) async throws -> [BenchLine] {
        let count = stage.scaled(3_000)
        let workers = try ToolSettings().workers
        let alone = try await time(of: count, "typical", project, stage, on: workers)
        let together = try await AnotherWorker.running {
            try await time(of: count, "typical", project, stage, on: workers + 1)
        }
        let step = try await costOfStep(project, stage)
        return [
            line("calls (3 js, 1 HTTP), \(Self.workers(workers))", alone.rate(count)),
            line(
                "calls (3 js, 1 HTTP), \(Self.workers(workers + 1))",
                together.rate(count),
                result: "\((alone / together).short) ×"
            ),
            line("one step (set of an expression)", step.short),
        ]
    }

    private static func workers(_ count: Int) -> String { "\(count) worker\(count == 1 ? "" : "s")" }

    private func line(_ title: String, _ own: String, result: String = "") -> BenchLine {
        BenchLine(title: title, own: own, result: result, target: "", isMet: nil)
    }

    /// How long so many calls take.
    private func time(
        of count: Int,
        _ sequence: String,
        _ project: BenchProject,
        _ stage: BenchStage,
        on workers: Int
    ) async throws -> Duration {
        let path = project.path(of: sequence)
        let administrator = stage.own.administrator
        let body = ByteBuffer(string: "{}")
        let times = try await stage.medians("calls, \(Self.workers(workers))", on: [stage.own]) { _ in
            try await ContinuousClock().measure {
                try await inParallel(Self.width, over: 0..<count) { _ in
                    try await administrator.ask(.POST, path, body)
                }
            }
        }
        return times[0]
    }

    /// What a sequence of many steps costs more than one of none, for each of them.
    private func costOfStep(_ project: BenchProject, _ stage: BenchStage) async throws -> Duration {
        let calls = stage.scaled(200)
        var times: [Duration] = []
        for sequence in ["none", "many"] {
            let path = project.path(of: sequence)
            let administrator = stage.own.administrator
            let body = ByteBuffer(string: "{}")
            times += try await stage.medians("\(sequence) steps", on: [stage.own]) { _ in
                try await ContinuousClock().measure {
                    for _ in 0..<calls { try await administrator.ask(.POST, path, body) }
                }
            }
        }
        return (times[1] - times[0]) / (calls * BenchProject.steps)
    }
}

/// `postBulkDocuments` with the policy `merge` of 10,000 documents of which half are as they were.
struct MergeCase: BenchCase {
    static let name = "merge"

    private static let target = 5_000.0

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let project = try await BenchProject(at: stage.demo.endpoint)
        do {
            let line = try await line(project, stage)
            try await project.remove()
            return [line]
        } catch {
            try? await project.remove()
            throw error
        }
    }

    private func line(_ project: BenchProject, _ stage: BenchStage) async throws -> BenchLine {
        let count = stage.scaled(10_000)
        _ = try await merge(count, mark: 0, in: project)
        var mark = 0
        let times = try await stage.medians("merge", on: [stage.own]) { _ in
            mark += 1
            let (time, written) = try await merge(count, mark: mark, in: project)
            guard written == count / 2 else { throw DemoFailure("\(written) documents of \(count) were written") }
            return time
        }
        let rate = Double(count) / (times[0] / .seconds(1))
        return BenchLine(
            title: "postBulkDocuments, merge, half unchanged",
            own: times[0].rate(count),
            target: "≥ \(Int(Self.target))/s",
            isMet: rate >= Self.target
        )
    }

    private func merge(_ count: Int, mark: Int, in project: BenchProject) async throws -> (Duration, written: Int) {
        let answer = try await project.call(
            "merge",
            ["count": .number(JSONNumber(count)), "mark": .number(JSONNumber(mark))]
        )
        guard let milliseconds = answer["milliseconds"]?.intValue, let written = answer["written"]?.intValue else {
            throw DemoFailure("the merge answered \(answer.text)")
        }
        return (.milliseconds(milliseconds), written)
    }
}
