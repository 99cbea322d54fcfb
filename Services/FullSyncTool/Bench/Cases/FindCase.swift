import NIOCore
import NIOHTTP1

/// `_find` of one document of 100,000 by an indexed field, over 16 connections.
struct FindCase: BenchCase {
    static let name = "find"
    private static let connections = 16

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let documents = BenchDocuments(count: stage.scaled(100_000))
        let database = try await stage.database("views", documents, on: stage.servers)
        for server in stage.servers {
            let index = ByteBuffer(string: #"{"index":{"fields":["n"]},"ddoc":"find","name":"n"}"#)
            try await server.administrator.ask(.POST, "/\(database)/_index", index)
            stage.progress("\(server.name): building the index")
            _ = try await Self.find(0, in: database, on: server)
        }
        let count = stage.scaled(4_000)
        let numbers = (0..<count).map { $0 * 7_919 % documents.count }
        let times = try await stage.medians("_find", on: stage.servers) { server in
            try await ContinuousClock().measure {
                try await inParallel(Self.connections, over: numbers) { number in
                    let answer = try await Self.find(number, in: database, on: server)
                    guard answer.count(of: #""n":"#) == 1 else {
                        throw DemoFailure("\(server.name) does not find number \(number)")
                    }
                }
            }
        }
        let title = "_find on an indexed field, \(Self.connections) connections"
        return [.ratio(title, times, atLeast: 2) { $0.rate(count) }]
    }

    private static func find(_ number: Int, in database: String, on server: BenchServer) async throws -> ByteBuffer {
        let query = ByteBuffer(string: #"{"selector":{"n":\#(number)}}"#)
        return try await server.administrator.ask(.POST, "/\(database)/_find", query)
    }
}
