import CouchProtocol
import Foundation
import FullSyncClient
import JSON
import NIOCore

/// What an application does with its local database: reads and writes of single documents, and what a pull writes.
struct DeviceStoreCase: BenchCase {
    static let name = "device"

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("fullsync-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let replica = try SQLiteReplica(path: directory.appendingPathComponent("db.sqlite").path)
        let count = stage.scaled(10_000)
        let documents = (0..<count).map(Self.document)
        let clock = ContinuousClock()
        let pull = try await clock.measure {
            for start in stride(from: 0, to: count, by: 500) {
                _ = try await replica.write(Array(documents[start..<min(start + 500, count)]))
            }
        }
        let database = FullSyncDatabase(name: "bench", replica: replica)
        let get = try await Self.median(of: 2_000) { number in
            _ = try await database.get(BenchDocuments.id(number * 7 % count))
        }
        let post = try await Self.median(of: 2_000) { number in
            let id = JSONValue.string(BenchDocuments.id(number * 7 % count))
            try await database.post(["_id": id, "n": .number(JSONNumber(number))], policy: .merge)
        }
        try replica.close()
        return [
            BenchLine(
                title: "device: \(count) documents of a pull into SQLite",
                own: pull.rate(count),
                target: "≥ 20000/s",
                isMet: Double(count) / (pull / .seconds(1)) >= 20_000
            ),
            BenchLine(title: "device: get", own: get.short, target: "< 0.05 ms", isMet: get < .microseconds(50)),
            BenchLine(title: "device: post", own: post.short, target: "< 0.3 ms", isMet: post < .microseconds(300)),
        ]
    }

    /// A document as a pull brings it.
    static func document(_ number: Int) -> ReplicatedDocument {
        var body = ByteBuffer()
        BenchDocuments(count: 1).write(number, to: &body, withID: false)
        let hash = RevisionHash.digest(UInt64(number), 1)
        return ReplicatedDocument(
            id: DocumentID(stored: BenchDocuments.id(number)),
            path: RevisionPath(RevisionID(generation: 1, hash: hash)),
            body: Array(body.readableBytesView)
        )
    }

    private static func median(of count: Int, _ body: (Int) async throws -> Void) async throws -> Duration {
        var durations: [Duration] = []
        for number in 0..<count { durations.append(try await ContinuousClock().measure { try await body(number) }) }
        return Figures(durations).median
    }
}
