/// Ten devices that pull 10,000 documents for the first time, at once.
struct ConcurrentPullsCase: BenchCase {
    static let name = "pulls"
    private static let devices = 10

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let documents = BenchDocuments(count: stage.scaled(10_000))
        let database = try await stage.database("plain", documents, on: stage.servers)
        let users = try await stage.users().prefix(Self.devices)
        var clients: [LoadClient] = []
        for user in users { clients.append(try await stage.client(of: user)) }
        let times = try await stage.medians("ten first pulls", on: stage.servers) { [clients] server in
            let devices = clients.map { client in
                Reader(client: server.isPeer ? server.administrator : client, database: database)
            }
            return try await ContinuousClock().measure {
                try await inParallel(Self.devices, over: devices) { device in
                    let pull = try await device.pull()
                    guard pull.ids.count == documents.count, pull.bodies == documents.count else {
                        throw DemoFailure("\(server.name): \(pull.bodies) of \(documents.count) documents came")
                    }
                }
            }
        }
        return [.ratio("ten first pulls of \(documents.count) at once", times, atLeast: 8)]
    }
}
