import NIOCore

/// `_all_docs` of 10,000 documents, with their bodies and without.
struct AllDocsCase: BenchCase {
    static let name = "all-docs"

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let documents = BenchDocuments(count: stage.scaled(10_000))
        let database = try await stage.database("plain", documents, on: stage.servers)
        var lines: [BenchLine] = []
        for (title, query) in [("rows", ""), ("rows with bodies", "?include_docs=true")] {
            let times = try await stage.medians("_all_docs, \(title)", on: stage.servers) { server in
                let start = ContinuousClock.now
                let answer = try await server.administrator.get("/\(database)/_all_docs\(query)")
                let time = start.duration(to: .now)
                guard answer.count(of: "\"key\":") == documents.count else {
                    throw DemoFailure("\(server.name) does not list \(documents.count) documents")
                }
                return time
            }
            lines.append(.ratio("_all_docs, \(documents.count) \(title)", times, atLeast: 5))
        }
        return lines
    }
}
