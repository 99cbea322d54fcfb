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
