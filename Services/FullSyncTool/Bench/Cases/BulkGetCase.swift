import NIOCore
import NIOHTTP1

/// `_bulk_get` of 500 documents.
struct BulkGetCase: BenchCase {
    static let name = "bulk-get"
    private static let requests = 20

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let documents = BenchDocuments(count: stage.scaled(10_000))
        let database = try await stage.database("plain", documents, on: stage.servers)
        let times = try await stage.medians("_bulk_get", on: stage.servers) { server in
            let feed = try await server.administrator.get("/\(database)/_changes?since=0")
            let requests = FeedRows(feed).requests()
            let start = ContinuousClock.now
            var answers: [ByteBuffer] = []
            for number in 0..<Self.requests {
                let request = requests[number % requests.count]
                answers.append(
                    try await server.administrator.ask(.POST, "/\(database)/_bulk_get?revs=true", request)
                )
            }
            let time = start.duration(to: .now)
            let bodies = answers.reduce(0) { $0 + $1.count(of: #""ok":"#) }
            guard bodies == Self.requests * min(documents.count, BenchDocuments.batch) else {
                throw DemoFailure("\(server.name) gave \(bodies) bodies")
            }
            return time / Self.requests
        }
        return [.ratio("_bulk_get of \(BenchDocuments.batch)", times, atLeast: 5)]
    }
}
