import Foundation
import JSON
import NIOCore
import NIOHTTP1

/// From the commit of a change to the start of its sequence, 50 changes a second.
struct SequenceStartCase: BenchCase {
    static let name = "sequence-start"
    private static let changesPerSecond = 50

    private static let files = [
        (
            "sequences/start.yaml",
            """
            variables: {doc: {type: object, multi: true}}
            steps:
              - js: return Date.now();
                as: now
              - callTransaction: ledger.postDocument
                with: {document: {now: =now, ids: "=doc.map(change => change._id)"}, owner: anonymous}
            """
        ),
        ("listeners/start.yaml", "database: DATABASE\nall: true\norigin: any\nsequence: start\n"),
    ]

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let count = stage.scaled(1_000)
        let events = try await EventStage.deploy(Self.files, on: stage)
        // The listener is followed when its first run is done: how soon a deployment is heard of is another thing.
        try await events.write(1)
        try await events.wait(for: "start", done: true)
        var commits: [String: Double] = [:]
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: (String, Double).self) { group in
            for number in 0..<count {
                try await Task.sleep(until: start + .seconds(1) * number / Self.changesPerSecond)
                group.addTask {
                    let id = "change-\(number)"
                    let body = ByteBuffer(string: #"{"n":\#(number)}"#)
                    try await stage.own.administrator.ask(.PUT, "/\(events.name)/\(id)", body)
                    return (id, Date().timeIntervalSince1970)
                }
            }
            for try await (id, time) in group { commits[id] = time }
        }
        try await events.wait(for: "start", done: true)
        let delays = try await events.ledger().flatMap { entry -> [Duration] in
            let now = (entry["now"]?.doubleValue ?? 0) / 1_000
            return (entry["ids"]?.arrayValue ?? []).compactMap { id in
                commits[id.stringValue ?? ""].map { .milliseconds(max(0, (now - $0) * 1_000)) }
            }
        }
        guard delays.count == count else { throw DemoFailure("\(delays.count) of \(count) changes had a sequence") }
        try await events.end()
        let figures = Figures(delays)
        return [
            BenchLine(
                title: "commit → its sequence starts, \(Self.changesPerSecond)/s, p50 p95 p99",
                own: [0.5, 0.95, 0.99].map { figures.percentile($0).short }.joined(separator: ", "),
                target: "p95 ≤ 50 ms",
                isMet: figures.percentile(0.95) <= .milliseconds(50)
            )
        ]
    }
}
