import Foundation
import JSON
import NIOCore
import NIOHTTP1

/// A project of the benchmark, deployed for one case: its documents, and a ledger of what its sequences did.
struct EventStage {
    let stage: BenchStage
    /// Of its database.
    let name: String

    /// The one project of all cases.
    static let project = "fullsync-bench"
    private var administrator: LoadClient { stage.own.administrator }

    /// Deploys the files, besides those of new databases and their connectors; `DATABASE` in them is the database's
    /// name.
    ///
    /// - Parameter notifications: Which sequences those of back ends start, as `project.yaml` says it.
    static func deploy(
        _ files: [(String, String)],
        notifications: String = "{}",
        on stage: BenchStage
    ) async throws -> EventStage {
        let name = "fullsync-bench-\(UUID().uuidString.lowercased().prefix(8))"
        let events = EventStage(stage: stage, name: name)
        try await events.deploy(files, notifications)
        return events
    }

    private func deploy(_ files: [(String, String)], _ notifications: String) async throws {
        let all =
            files.map { ($0.0, $0.1.replacingOccurrences(of: "DATABASE", with: name)) } + [
                (
                    "project.yaml",
                    """
                    project: \(Self.project)
                    symbols: {ERP_URL: {}, ERP_TOKEN: {secret: true}}
                    notifications: \(notifications)
                    """
                ),
                ("databases/\(name)/database.yaml", "description: Documents of the benchmark.\n"),
                ("databases/\(name)-ledger/database.yaml", "description: What its sequences did.\n"),
                ("connectors/ledger.yaml", "type: fullsync\ndatabase: \(name)-ledger\n"),
                (
                    "connectors/erp.yaml",
                    """
                    type: http
                    baseUrl: ${ERP_URL}
                    addresses: [loopback, private]
                    authentication: {bearer: "${ERP_TOKEN}"}
                    concurrency: 64
                    transactions:
                      teams: {path: /teams, query: {limit: "1"}}
                    """
                ),
            ]
        let body: JSONValue = ["files": .object(JSONObject(all.map { ($0.0, .string($0.1)) }))]
        try await administrator.ask(.PUT, "/_fullsync/projects/\(Self.project)", ByteBuffer(bytes: body.bytes))
    }

    /// Takes the project away, and its databases.
    func end() async throws {
        try await administrator.ask(.DELETE, "/_fullsync/projects/\(Self.project)")
        try await stage.own.delete(name)
        try await stage.own.delete(name + "-ledger")
    }

    /// Writes documents `first ..< first + count`, some hundreds at a time.
    func write(_ count: Int, from first: Int = 0) async throws {
        for start in stride(from: first, to: first + count, by: 500) {
            let documents = (start..<min(start + 500, first + count)).map { number -> JSONValue in
                ["_id": .string("doc-\(number)"), "n": .number(JSONNumber(number))]
            }
            let body: JSONValue = ["docs": .array(documents)]
            try await administrator.ask(.POST, "/\(name)/_bulk_docs", ByteBuffer(bytes: body.bytes))
        }
    }

    /// How many documents the ledger has.
    func countOfLedger() async throws -> Int {
        let answer = try await administrator.get("/\(name)-ledger")
        return try JSONValue(parsing: Array(answer.readableBytesView))["doc_count"]?.intValue ?? 0
    }

    /// The documents of the ledger, in order.
    func ledger() async throws -> [JSONValue] {
        let answer = try await administrator.get("/\(name)-ledger/_changes?include_docs=true")
        let rows = try JSONValue(parsing: Array(answer.readableBytesView))["results"]?.arrayValue ?? []
        return rows.compactMap { $0["doc"] }
    }

    /// What the endpoint says of a listener.
    func listener(_ listener: String) async throws -> JSONValue {
        let answer = try await administrator.get("/_fullsync/projects/\(Self.project)/listeners/\(listener)")
        return try JSONValue(parsing: Array(answer.readableBytesView))
    }

    /// Waits until the listener has seen every change, and perhaps until its runs are done.
    func wait(for listener: String, done: Bool, within patience: Duration = .seconds(900)) async throws {
        let deadline = ContinuousClock.now + patience
        while ContinuousClock.now < deadline {
            let state = try await self.listener(listener)
            let left = (state["waiting"]?.intValue ?? 0) + (state["running"]?.intValue ?? 0)
            guard state["failed"] == 0, state["uncertain"] == 0 else {
                throw DemoFailure("runs of the benchmark have failed: \(state.text)")
            }
            if state["behind"] == 0, !done || left == 0 { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw DemoFailure("the listener did not come to its end in time")
    }
}
