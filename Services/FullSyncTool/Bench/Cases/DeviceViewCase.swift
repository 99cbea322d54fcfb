import CouchProtocol
import Foundation
import FullSyncClient
import JSON
import NIOCore

/// What an application asks of its local database besides single documents: views, and room on the disk.
struct DeviceViewCase: BenchCase {
    static let name = "device-views"

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("fullsync-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let replica = try SQLiteReplica(path: directory.appendingPathComponent("views.sqlite").path)
        let lines = try await views(FullSyncDatabase(name: "bench", replica: replica), stage.scaled(100_000))
        try replica.close()
        return lines + [try await room(in: directory, stage.scaled(10_000))]
    }

    private func views(_ database: FullSyncDatabase, _ count: Int) async throws -> [BenchLine] {
        for start in stride(from: 0, to: count, by: 500) {
            _ = try await database.replica.write((start..<min(start + 500, count)).map(DeviceStoreCase.document))
        }
        let map = "function (doc) { emit(doc.n % 100, doc.n) }"
        try await database.post(["_id": "_design/x", "views": ["v": ["map": .string(map), "reduce": "_sum"]]])
        let clock = ContinuousClock()
        var query = ViewQuery(key: 7)
        query.isReduced = false
        query.limit = 10
        let build = try await clock.measure { [query] in _ = try await database.view("x", "v", query) }
        let followed = try await Self.median(of: 200) { [query] number in
            let id = JSONValue.string(BenchDocuments.id(number * 7 % count))
            try await database.post(["_id": id, "n": .number(JSONNumber(number))], policy: .merge)
            _ = try await database.view("x", "v", query)
        }
        let reduced = try await clock.measure { _ = try await database.view("x", "v") }
        let index = try await clock.measure {
            try await database.createIndex(["n"])
            _ = try await database.find(["selector": ["n": 7]])
        }
        let found = try await Self.median(of: 200) { number in
            let selector: JSONValue = ["n": .number(JSONNumber(number * 7 % count))]
            _ = try await database.find(["selector": selector])
        }
        return [
            BenchLine(
                title: "device: a view of \(count) documents",
                own: build.rate(count),
                target: "≥ 30000/s",
                isMet: Double(count) / (build / .seconds(1)) >= 30_000
            ),
            BenchLine(title: "device: an edit, and a query that sees it", own: followed.short, target: "", isMet: nil),
            BenchLine(title: "device: _sum over all rows", own: reduced.short, target: "", isMet: nil),
            BenchLine(title: "device: an index of \(count) documents", own: index.rate(count), target: "", isMet: nil),
            BenchLine(title: "device: find by it", own: found.short, target: "", isMet: nil),
        ]
    }

    /// The file after ten edits of each document, beside what the documents are.
    private func room(in directory: URL, _ count: Int) async throws -> BenchLine {
        let path = directory.appendingPathComponent("room.sqlite").path
        let database = FullSyncDatabase(name: "bench", replica: try SQLiteReplica(path: path))
        var bytes = 0
        for start in stride(from: 0, to: count, by: 500) {
            let documents = (start..<min(start + 500, count)).map(DeviceStoreCase.document)
            bytes += documents.reduce(0) { $0 + $1.body.count }
            _ = try await database.replica.write(documents)
        }
        for edit in 0..<10 {
            for start in stride(from: 0, to: count, by: 500) {
                let edits: [JSONObject] = (start..<min(start + 500, count)).map { number in
                    ["_id": .string(BenchDocuments.id(number)), "edit": .number(JSONNumber(edit))]
                }
                try await database.bulk(edits, policy: .merge)
            }
        }
        try database.replica.close()
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        let ratio = Double(size) / Double(bytes)
        return BenchLine(
            title: "device: the file after ten edits of \(count) documents",
            own: "\(size >> 20) MB",
            result: "\(ratio.formatted(.number.precision(.fractionLength(2)))) ×",
            target: "≤ 2 ×",
            isMet: ratio <= 2
        )
    }

    private static func median(of count: Int, _ body: (Int) async throws -> Void) async throws -> Duration {
        var durations: [Duration] = []
        for number in 0..<count { durations.append(try await ContinuousClock().measure { try await body(number) }) }
        return Figures(durations).median
    }
}
