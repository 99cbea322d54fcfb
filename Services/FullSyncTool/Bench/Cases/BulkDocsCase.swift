import NIOCore
import NIOHTTP1

/// `_bulk_docs` of 500 documents of a kilobyte each, over two connections.
struct BulkDocsCase: BenchCase {
    static let name = "bulk-docs"

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let documents = BenchDocuments(count: stage.scaled(20_000))
        let bodies = documents.batches().map { $0() }
        let times = try await stage.medians("bulk docs", on: stage.servers) { server in
            let database = try await stage.database(on: [server])
            let time = try await ContinuousClock().measure {
                try await inParallel(2, over: bodies) { body in
                    try await server.administrator.ask(.POST, "/\(database)/_bulk_docs", body)
                }
            }
            try await check(server, database, has: documents.count)
            try await stage.drop(database)
            return time
        }
        let title = "_bulk_docs, 1 KB × 500, 2 connections"
        return [.ratio(title, times, atLeast: 3) { "\($0.rate(documents.count))" }]
    }
}

/// Sees that all documents have been written.
func check(_ server: BenchServer, _ database: String, has count: Int) async throws {
    let information = try await server.administrator.get("/\(database)")
    guard information.count(of: "\"doc_count\":") == 1, String(buffer: information).contains("\"doc_count\":\(count),")
    else {
        throw DemoFailure("\(server.name) does not hold \(count) documents: \(String(buffer: information))")
    }
}
