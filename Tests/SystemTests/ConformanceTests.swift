import CouchProtocol
import Foundation
import FullSyncClient
import JSON
import NIOHTTP1
import ReplicaConformance
import TestSupport
import Testing

extension SystemTests {
    /// What every replica must do, over HTTP, as the administrator.
    @Suite(.timeLimit(.minutes(30))) struct ConformanceTests {
        @Test(arguments: ReplicaCheck.all)
        func conformance(_ check: ReplicaCheck) async throws {
            let system = try await RunningSystem.shared
            let address = try ServerAddress(parsing: system.http)
            let admin = ServerAddress.Credentials(name: "admin", password: try system.password)
            try await ServerUnderTest(address: address, credentials: admin).withReplica { try await check.run($0) }
        }

        @Test(arguments: DeviceCheck.all)
        func device(_ check: DeviceCheck) async throws {
            let system = try await RunningSystem.shared
            try await check.run(system.http, administrator: "admin", password: try system.password)
        }

        @Test(arguments: ChangesCheck.all)
        func changes(_ check: ChangesCheck) async throws {
            let system = try await RunningSystem.shared
            try await system.administrator.withDatabase { try await check.run($0) }
        }
    }
}

extension SystemTests {
    /// CouchDB's own replicator, between a CouchDB and this house.
    @Suite(
        .enabled(if: OtherCouchDB.address != nil, "FULLSYNC_TEST_COUCHDB_URL is not set"),
        .timeLimit(.minutes(30))
    )
    struct CouchReplicatorTests {
        @Test func `it goes on from its checkpoints, both ways`() async throws {
            let system = try await RunningSystem.shared
            let (base, name, password) = try OtherCouchDB.parts
            let couch = Client(base, .basic(name: name, password: password))
            try await system.administrator.withDatabase { ours in
                try await couch.withDatabase { theirs in
                    let here = Self.endpoint(system.http, ours.name, "admin", try system.password)
                    let there = Self.endpoint(base, theirs.name, name, password)
                    for round in 1...3 {
                        #expect(try await ours.client.send("PUT", "/\(ours.name)/o\(round)", [:]).status == 201)
                        #expect(try await couch.send("PUT", "/\(theirs.name)/t\(round)", [:]).status == 201)
                        for (source, target) in [(here, there), (there, here)] {
                            let asked: JSONValue = ["source": source, "target": target]
                            let answer = try await couch.send("POST", "/_replicate", asked)
                            #expect(answer.status == 200, "\(answer.json)")
                        }
                        #expect(try await ours.client.get("/\(ours.name)").json["doc_count"]?.intValue == 2 * round)
                        #expect(try await couch.get("/\(theirs.name)").json["doc_count"]?.intValue == 2 * round)
                    }
                }
            }
        }

        private static func endpoint(
            _ base: String,
            _ database: String,
            _ name: String,
            _ password: String
        ) -> JSONValue {
            let credentials: JSONValue = ["username": .string(name), "password": .string(password)]
            return ["url": .string("\(base)/\(database)"), "auth": ["basic": credentials]]
        }
    }
}

/// The same suites against any CouchDB: `FULLSYNC_TEST_COUCHDB_URL=http://admin:password@host:5984`.
///
/// It shows that the suite asks for CouchDB's behaviour and not for this house's; what differs, and may, is in
/// `acceptedDifferences` with the reason.
@Suite(.enabled(if: OtherCouchDB.address != nil, "FULLSYNC_TEST_COUCHDB_URL is not set"))
struct OtherCouchDBTests {
    @Test(arguments: ReplicaCheck.all.filter { ReplicaCheck.acceptedDifferences[$0.name] == nil })
    func conformance(_ check: ReplicaCheck) async throws {
        let address = try ServerAddress(parsing: try #require(OtherCouchDB.address))
        try await ServerUnderTest(address: address, credentials: address.credentials)
            .withReplica { try await check.run($0) }
    }

    @Test(arguments: ChangesCheck.all.filter { ChangesCheck.acceptedDifferences[$0.name] == nil })
    func changes(_ check: ChangesCheck) async throws {
        let (base, name, password) = try OtherCouchDB.parts
        try await Client(base, .basic(name: name, password: password)).withDatabase { try await check.run($0) }
    }

    @Test(arguments: DeviceCheck.all)
    func device(_ check: DeviceCheck) async throws {
        let (base, name, password) = try OtherCouchDB.parts
        try await check.run(base, administrator: name, password: password)
    }
}

private enum OtherCouchDB {
    static let address = ProcessInfo.processInfo.environment["FULLSYNC_TEST_COUCHDB_URL"]

    /// The address without credentials, and these.
    static var parts: (base: String, name: String, password: String) {
        get throws {
            let components = try #require(address.flatMap { URLComponents(string: $0) })
            var base = components
            (base.user, base.password) = (nil, nil)
            return (
                try #require(base.string).trimmingCharacters(in: ["/"]), components.user ?? "",
                components.password ?? ""
            )
        }
    }
}

/// A server on which databases can be made.
private struct ServerUnderTest {
    let address: ServerAddress
    let credentials: ServerAddress.Credentials?

    func withReplica(_ body: (HTTPReplica) async throws -> Void) async throws {
        let session = HTTPSession(address: address)
        if let credentials { try await session.login(credentials) }
        let replica = HTTPReplica(session: session, database: uniqueID("check"))
        // With one shard, CouchDB's changes have an order.
        try await replica.create(shards: 1)
        try await body(replica)
        try await replica.destroy()
    }
}
