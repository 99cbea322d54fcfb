import Contracts
import ControlStore
import Foundation
import JSON
import Logging
import Postgres
import TestSupport

/// A migrated control store over the PostgreSQL of the running test.
struct TestControl {
    let control: ControlStore
    var client: PostgresClient { control.client }

    static func make() async throws -> TestControl {
        let store = try connect()
        try await store.client.migrate(ControlStore.migrations, component: "control")
        return store
    }

    /// Another process, with a pool of its own.
    static func connect() throws -> TestControl {
        var configuration = try PostgresConfiguration(url: try TestDatabase.address)
        configuration.maximumConnections = 4
        configuration.acquireTimeout = .seconds(120)
        let client = PostgresClient(configuration, logger: Logger(label: "test"))
        return TestControl(control: ControlStore(client, logger: Logger(label: "test")))
    }

    func close() async { await client.close() }

    func scalar<Value: PostgresDecodable>(
        _ query: PostgresQuery,
        as type: Value.Type = Value.self
    ) async throws -> Value {
        guard let row = try await client.query(query).first else { throw NoRow() }
        return try row.decode(Value.self, at: 0)
    }

    /// Makes a job known, as the deployment of its project does, which nothing was decided about.
    func makeLive(job: String) async throws {
        try await client.execute("INSERT INTO schedules (job) VALUES (\(job))")
    }

    func state(of run: String) async throws -> String? {
        try await control.run(run)?["state"]?.stringValue
    }

    /// Lets the claim of a run end now, as time would.
    func expireClaim(of run: String) async throws {
        try await client.execute(
            """
            UPDATE runs SET claimed_until = now() - interval '1 second', nudge_at = now() - interval '1 second'
            WHERE id = \(UUID(uuidString: run)) AND state = 'running'
            """
        )
    }
}

struct NoRow: Error {}

extension ControlStore {
    /// The first of the runs of which workers should be told, of all lines.
    func dueRuns(limit: Int, patience: Duration) async throws -> [String] {
        try await dueRuns(limit: limit, patience: patience, besides: [], from: DuePlaces()).runs
    }
}

extension NewRun {
    /// A run of `demo`'s sequence `work`.
    static func work(
        keys: [String] = [],
        dedupeKey: String? = nil,
        variables: JSONObject? = ["x": 1],
        cause: RunCause = .listener
    ) -> NewRun {
        var run = NewRun(project: "demo", sequence: "work", cause: cause, variables: variables, traceID: "t")
        run.orderingKeys = keys
        run.dedupeKey = dedupeKey
        return run
    }
}
