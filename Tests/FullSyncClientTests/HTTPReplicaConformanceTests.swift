import CouchProtocol
import FullSyncClient
import JSON
import ReplicaConformance
import Testing

/// The conformance suite over HTTP, against whatever server the variable names: this house's endpoint, or CouchDB.
@Suite(.enabled(if: TestServer.address != nil, "FULLSYNC_TEST_COUCHDB_URL is not set"))
struct HTTPReplicaConformanceTests {
    @Test(arguments: ReplicaCheck.all)
    func conformance(_ check: ReplicaCheck) async throws {
        try await TestServer.withDatabase { replica in
            guard let reason = ReplicaCheck.acceptedDifferences[check.name] else { return try await check.run(replica) }
            await withKnownIssue(Comment(rawValue: reason), isIntermittent: true) { try await check.run(replica) }
        }
    }

    @Test func `what is on the server and what is on a device become the same`() async throws {
        try await TestServer.withDatabase { server in
            let device = MemoryReplica(identity: "device \(server.database)")
            for number in 0..<120 {
                try await device.put(DocumentID(stored: "d\(number)"), ["n": .number(JSONNumber(number))])
            }
            var options = ReplicationOptions()
            options.batchSize = 25
            let pushed = try await Replicator(from: device, to: server, options: options).run()
            #expect(pushed.statistics.documentsWritten == 120)
            let other = MemoryReplica(identity: "other \(server.database)")
            let pulled = try await Replicator(from: server, to: other, options: options).run()
            #expect(pulled.statistics.documentsWritten == 120)
            #expect(await other.leaves() == device.leaves())
            // The checkpoints hold: a second run has nothing to do.
            let again = try await Replicator(from: server, to: other, options: options).run()
            #expect(again.statistics.changesRead == 0)
        }
    }

    @Test func `a conflict has the same winner on the server and on devices`() async throws {
        try await TestServer.withDatabase { server in
            let devices = ["a", "b"].map { MemoryReplica(identity: "\($0) \(server.database)") }
            let id = DocumentID(stored: "x")
            for (number, device) in devices.enumerated() {
                try await device.put(id, ["n": .number(JSONNumber(number))])
                _ = try await Replicator(from: device, to: server).run()
            }
            for device in devices { _ = try await Replicator(from: server, to: device).run() }
            #expect(await devices[0].leaves() == devices[1].leaves())
            let row = try #require(try await server.changes(ChangesRequest()).rows.first)
            #expect(await devices[0].leaves()[id] == row.revisions)
        }
    }

    @Test func `a wrong password is refused, and by its name`() async throws {
        let address = try #require(TestServer.address)
        let session = HTTPSession(address: try ServerAddress(parsing: address.base))
        do {
            try await session.login(.init(name: "nobody", password: "wrong"))
            Issue.record("logged in")
        } catch let error as CouchError {
            #expect(error.status == 401)
            #expect(error.error == "unauthorized")
        }
    }

    @Test func `a database that is not there is told apart from a document that is not there`() async throws {
        let address = try #require(TestServer.address)
        let replica = HTTPReplica(session: HTTPSession(address: address), database: "fullsync-none")
        await #expect(throws: CouchError.noDatabase) { try await replica.info() }
        await #expect(throws: CouchError.noDatabase) { try await replica.localDocument("x") }
    }
}
