import Foundation
import JSON
import Logging
import Postgres
import Projects
import Schedules
import TestSupport
import Testing

@testable import ControlStore
@testable import Scheduler

/// Schedulers over the running test's database, each with a pool of its own, at times that the test names.
struct TestSchedulers {
    /// The name of the project that the jobs are of.
    static let project = "shop"

    private let stores: [ControlStore]
    private var client: PostgresClient { stores[0].client }

    init(_ count: Int = 1) async throws {
        var stores: [ControlStore] = []
        for _ in 0..<count {
            var configuration = try PostgresConfiguration(url: try TestDatabase.address)
            configuration.maximumConnections = 2
            configuration.acquireTimeout = .seconds(120)
            let client = PostgresClient(configuration, logger: Logger(label: "test"))
            stores.append(ControlStore(client, logger: Logger(label: "test")))
        }
        self.stores = stores
        try await client.migrate(ControlStore.migrations, component: "control")
        // As the deployment of the project makes it known.
        let key = ControlStore.key(ofJob: "j", of: Self.project)
        try await client.execute("INSERT INTO schedules (job) VALUES (\(key)) ON CONFLICT DO NOTHING")
    }

    func close() async {
        for store in stores { await store.client.close() }
    }

    /// A job of that text, which starts the sequence `work`.
    static func job(_ text: String) throws -> Job {
        let files = [
            "project.yaml": "project: \(project)\n",
            "sequences/work.yaml": "variables: {n: {type: number}}\nsteps: []\n",
            "jobs/j.yaml": "sequence: work\n\(text)\n",
        ]
        return try #require(try Project.read(files) { _ in nil }.jobs["j"])
    }

    /// Has one of the schedulers look at that second.
    @discardableResult
    func look(_ job: Job, at second: Int, scheduler: Int = 0) async throws -> FiringDecisions.Decision {
        try await FiringDecisions(control: stores[scheduler], logger: Logger(label: "test"))
            .decide(job, of: Self.project, now: Timestamp(seconds: second))
    }

    /// Has an operator fire the job; nil when it is under way.
    func fireNow(_ job: Job) async throws -> String? {
        try await stores[0].fireNow(job, of: Self.project)
    }

    /// The seconds of the firings that started a run, in order.
    func firings() async throws -> [Int] {
        try await client.query("SELECT at FROM firings WHERE run IS NOT NULL ORDER BY at").map {
            Int(try $0.decode(Date.self, at: 0).timeIntervalSince1970)
        }
    }

    /// The seconds of the firings that were left out, in order.
    func leftOut() async throws -> [Int] {
        try await client.query("SELECT at FROM firings WHERE run IS NULL ORDER BY at").map {
            Int(try $0.decode(Date.self, at: 0).timeIntervalSince1970)
        }
    }

    /// How many firings were missed, by the second of the last of them, as the job's history says.
    func missed() async throws -> [Int: Int] {
        let history = try await stores[0].firings(ofJob: "j", of: Self.project, limit: 100)
        let missed = history.compactMap { firing in
            firing.missed.map { (Int(firing.at.timeIntervalSince1970), $0) }
        }
        return Dictionary(uniqueKeysWithValues: missed)
    }

    /// How many runs there are.
    func runs() async throws -> Int {
        Int(try #require(try await client.query("SELECT count(*) FROM runs").first).decode(Int64.self, at: 0))
    }

    /// Carries out all runs, as workers would.
    func finishRuns() async throws {
        try await client.execute("UPDATE runs SET state = 'succeeded', finished_at = now() WHERE state = 'waiting'")
    }

    /// The run's row as JSON.
    func run(_ id: String) async throws -> JSONObject {
        try #require(try await stores[0].run(id))
    }

    /// What holds up later runs that share it, of each run that has such a key.
    func orderingKeys() async throws -> [String] {
        try await client.query("SELECT key FROM run_keys").map { try $0.decode(String.self, at: 0) }
    }
}
