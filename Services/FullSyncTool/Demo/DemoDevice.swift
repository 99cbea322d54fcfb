import Foundation
import FullSyncClient
import JSON

/// A technician's device: a local database, and a server to keep it in step with.
struct DemoDevice: Sendable {
    let user: String
    let client: FullSyncClient

    static let database = "fieldservice"
    static let project = "field-service"
    private static let patience = Duration.seconds(300)

    /// A device that has never synced.
    ///
    /// - Parameter directory: Where devices keep their databases.
    init(user: String, endpoint: String, directory: URL) throws {
        self.user = user
        client = try FullSyncClient(
            server: endpoint,
            directory: directory.appendingPathComponent(user),
            defaultDatabase: Self.database,
            defaultProject: Self.project
        )
    }

    /// The user's local database.
    var local: FullSyncDatabase {
        get async throws { try await client.database(Self.database) }
    }

    /// Logs in with the password that the demo's back end gave its technicians.
    func login() async throws {
        let deadline = ContinuousClock.now + Self.patience
        while true {
            do {
                try await client.login(name: user, password: "\(user)-2026")
                return
            } catch {
                // A service that was killed comes back; a wrong password stays wrong.
                guard ContinuousClock.now < deadline else { throw error }
                try await Task.sleep(for: .milliseconds(300))
            }
        }
    }

    /// Brings everything that the user may read to the device.
    ///
    /// - Returns: How many documents came.
    @discardableResult
    func pull() async throws -> Int {
        try await client.sync(Self.database, Self.patient(.pull)).result.pulled
    }

    /// Brings what was done on the device to the server.
    ///
    /// - Returns: How many documents went.
    @discardableResult
    func push() async throws -> Int {
        let result = try await client.sync(Self.database, Self.patient(.push)).result
        guard result.refused == 0 else {
            let edits = try await local.refusedEdits()
            throw DemoFailure("the server refused edits of \(user): \(edits.map { "\($0.id): \($0.reason)" })")
        }
        return result.pushed
    }

    /// Keeps the device in step with the server until the sync is cancelled.
    func follow() async throws -> SyncTask {
        try await client.sync(Self.database, Self.patient(.live))
    }

    /// The local document of that id, when it comes to satisfy the condition.
    ///
    /// - Throws: `DemoFailure` when it does not in time.
    @discardableResult
    func document(
        _ id: String,
        within limit: Duration = patience,
        where isThere: (JSONObject) -> Bool
    ) async throws -> JSONObject {
        let deadline = ContinuousClock.now + limit
        let local = try await local
        while ContinuousClock.now < deadline {
            if let document = try await local.get(id), isThere(document) { return document }
            try await Task.sleep(for: .milliseconds(2))
        }
        throw DemoFailure("\(id) did not come to the device of \(user) within \(limit)")
    }

    /// The work orders on the device, by number.
    func workOrders() async throws -> [JSONObject] {
        var options = ListOptions()
        options.includesDocuments = true
        return try await local.all(options).compactMap(\.document).filter { $0["type"] == "workorder" }
            .sorted { ($0["number"]?.stringValue ?? "") < ($1["number"]?.stringValue ?? "") }
    }

    private static func patient(_ options: SyncOptions) -> SyncOptions {
        var options = options
        // A service that was killed is back within seconds.
        options.attempts = 30
        options.longestPause = .seconds(2)
        return options
    }
}
