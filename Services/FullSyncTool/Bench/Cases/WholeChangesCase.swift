import NIOCore

/// The whole feed of 100,000 documents.
struct WholeChangesCase: BenchCase {
    static let name = "changes"

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let set = try await OwnedSet(stage, count: stage.scaled(100_000), on: stage.servers)
        let times = try await stage.medians("whole _changes", on: stage.servers) { server in
            let reader = set.reader(on: server)
            let start = ContinuousClock.now
            let feed = try await server.administrator.get("/\(reader.database)/_changes?since=0")
            let time = start.duration(to: .now)
            let rows = feed.count(of: "\"changes\":[")
            guard rows == set.count else { throw DemoFailure("\(server.name) has \(rows) rows of \(set.count)") }
            return time
        }
        return [.ratio("whole _changes of \(set.count)", times, atLeast: 15)]
    }
}
