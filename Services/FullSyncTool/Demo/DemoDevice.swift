import CouchProtocol
import FullSyncClient
import JSON

/// A technician's device: a local database, and a server to keep it in step with.
struct DemoDevice: Sendable {
    let user: String
    let server: FullSyncServer
    let local: MemoryReplica
    private let remote: HTTPReplica

    static let database = "fieldservice"
    static let project = "field-service"
    private static let patience = Duration.seconds(60)

    /// A device that has never synced.
    init(user: String, endpoint: String) throws {
        self.user = user
        server = try FullSyncServer(address: endpoint)
        local = MemoryReplica(identity: "device of \(user)")
        remote = server.database(Self.database)
    }

    /// Logs in with the password that the demo's back end gave its technicians.
    func login() async throws {
        let deadline = ContinuousClock.now + Self.patience
        while true {
            do {
                try await server.login(name: user, password: "\(user)-2026")
                return
            } catch {
                // A service that was killed comes back; a wrong password stays wrong.
                guard ContinuousClock.now < deadline else { throw error }
                try await Task.sleep(for: .milliseconds(300))
            }
        }
    }

    /// Brings everything that the user may read to the device.
    @discardableResult
    func pull() async throws -> ReplicationStatistics {
        try await Replicator(from: remote, to: local, options: options(isLive: false)).run().statistics
    }

    /// Brings what was done on the device to the server.
    @discardableResult
    func push() async throws -> ReplicationStatistics {
        let statistics = try await Replicator(from: local, to: remote, options: options(isLive: false)).run().statistics
        guard statistics.writeFailures == 0 else {
            throw DemoFailure("the server refused \(statistics.writeFailures) documents of \(user)")
        }
        return statistics
    }

    /// Keeps the device in step with the server until the task is cancelled.
    func follow() async {
        _ = try? await Replicator(from: remote, to: local, options: options(isLive: true)).run()
    }

    /// The local document of that id, when it comes to satisfy the condition.
    ///
    /// - Throws: `DemoFailure` when it does not in time.
    @discardableResult
    func document(
        _ id: String,
        within limit: Duration = patience,
        where isThere: (JSONValue) -> Bool
    ) async throws
        -> JSONValue
    {
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            if let document = await local.document(DocumentID(stored: id)), isThere(document) { return document }
            try await Task.sleep(for: .milliseconds(2))
        }
        throw DemoFailure("\(id) did not come to the device of \(user) within \(limit)")
    }

    /// The work orders on the device, by number.
    func workOrders() async -> [JSONValue] {
        await local.documents { $0["type"] == "workorder" }
            .sorted { ($0["number"]?.stringValue ?? "") < ($1["number"]?.stringValue ?? "") }
    }

    private func options(isLive: Bool) -> ReplicationOptions {
        var options = ReplicationOptions()
        options.isLive = isLive
        // A service that was killed is back within seconds.
        options.retry.attemptLimit = 30
        options.retry.longestPause = .seconds(2)
        return options
    }
}
