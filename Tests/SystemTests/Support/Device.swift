import CouchProtocol
import FullSyncClient
import JSON
import TestSupport
import Testing

/// A technician's device: a local database that replicates with the endpoint.
struct Device: Sendable {
    let local: MemoryReplica
    let remote: HTTPReplica

    static let database = "fieldservice"

    init(_ technician: String, _ system: RunningSystem) async throws {
        let server = try FullSyncServer(address: system.http)
        try await eventually("the technician's password can be checked", within: .seconds(300)) {
            do {
                try await server.login(name: technician, password: RunningSystem.password(of: technician))
                return true
            } catch let error as FullSyncError where error.status == 503 {
                return false
            }
        }
        local = MemoryReplica(identity: uniqueID("device of \(technician)"))
        remote = server.database(Self.database)
    }

    /// Brings one document to the device, as a pull would.
    func take(_ id: String, _ system: RunningSystem) async throws {
        let present = try await system.administrator.get("/\(Self.database)/\(segment(id))").json
        let revision = try RevisionID(parsing: try #require(present["_rev"]?.stringValue, "\(present)"))
        let outcomes = try await remote.fetch([FetchRequest(id: DocumentID(stored: id), revision: revision)])
        guard case .document(let document)? = outcomes.first else {
            Issue.record("\(outcomes)")
            return
        }
        #expect(await local.take([document]) == [])
    }

    /// Changes a document on the device, offline.
    func change(_ id: String, _ members: JSONObject) async throws {
        let present = try #require(await local.document(DocumentID(stored: id))?.objectValue)
        _ = try await local.put(DocumentID(stored: id), present.merging(members))
    }

    /// Brings what was done on the device to the server, however long the server is away.
    func push() async throws {
        var options = ReplicationOptions()
        options.retry.attemptLimit = 1_000
        options.retry.longestPause = .milliseconds(500)
        let statistics = try await Replicator(from: local, to: remote, options: options).run().statistics
        #expect(statistics.writeFailures == 0)
    }
}
