/// The first pull of a user who owns 100 of 100,000 documents, against the same pull by `_selector`.
struct FirstPullCase: BenchCase {
    static let name = "first-pull"

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let set = try await OwnedSet(stage, count: stage.scaled(100_000), on: stage.servers)
        let pulls = Results<Reader.Pull>()
        let times = try await stage.medians("first pull", on: stage.servers) { server in
            let pull = try await set.reader(on: server).pull()
            await pulls.add(pull)
            return pull.duration
        }
        for pull in await pulls.all where pull.ids != set.ids || pull.bodies != set.ids.count {
            throw DemoFailure("a pull brought \(pull.bodies) bodies and \(pull.ids.count) ids of \(set.ids.count)")
        }
        return [.ratio("first pull, \(set.ids.count) of \(set.count) documents", times, atLeast: 300)]
    }
}

/// A database of which one user owns 100 documents, spread evenly.
struct OwnedSet: Sendable {
    let count: Int
    let ids: Set<String>
    private let database: String
    private let user: String
    private let client: LoadClient

    init(_ stage: BenchStage, count: Int, on servers: [BenchServer]) async throws {
        let step = max(count / 100, 1)
        let user = try await stage.users()[0]
        self.user = user
        self.count = count
        let documents = BenchDocuments(count: count) { number in
            number % step == step / 2 ? user : "nobody-\(number % 997)"
        }
        database = try await stage.database("owned \(count)", documents, on: servers)
        client = try await stage.client(of: user)
        ids = Set((0..<count).filter { $0 % step == step / 2 }.map(BenchDocuments.id))
    }

    /// The user's device: by the user's rights with us, by a selector with the peer.
    func reader(on server: BenchServer) -> Reader {
        server.isPeer
            ? Reader(client: server.administrator, database: database, selectedOwner: user)
            : Reader(client: client, database: database)
    }
}

/// What rounds found, for a look after the measurement.
actor Results<Element: Sendable> {
    private(set) var all: [Element] = []

    func add(_ element: Element) { all.append(element) }
}
