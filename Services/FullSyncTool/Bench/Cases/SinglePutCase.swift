import NIOCore
import NIOHTTP1

/// One document a request, over 32 connections.
struct SinglePutCase: BenchCase {
    static let name = "put"

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let documents = BenchDocuments(count: stage.scaled(4_000))
        let requests = (0..<documents.count).map { number in
            var body = ByteBuffer()
            documents.write(number, to: &body, withID: false)
            return (id: BenchDocuments.id(number), body: body)
        }
        let times = try await stage.medians("single PUT", on: stage.servers) { server in
            let database = try await stage.database(on: [server])
            let time = try await ContinuousClock().measure {
                try await inParallel(32, over: requests) { request in
                    try await server.administrator.ask(.PUT, "/\(database)/\(request.id)", request.body)
                }
            }
            try await check(server, database, has: documents.count)
            try await stage.drop(database)
            return time
        }
        return [.ratio("single PUT, 32 connections", times, atLeast: 4) { "\($0.rate(documents.count))" }]
    }
}
