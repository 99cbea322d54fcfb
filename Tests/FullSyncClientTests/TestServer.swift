import CouchProtocol
import Foundation
import FullSyncClient

/// The server that the environment names for tests over HTTP.
enum TestServer {
    /// Its address with the credentials of an administrator; nil when none is named.
    static let address = ProcessInfo.processInfo.environment["FULLSYNC_TEST_COUCHDB_URL"].flatMap {
        try? ServerAddress(parsing: $0)
    }

    /// Runs something on an empty database of its own, which is deleted afterwards.
    static func withDatabase(_ body: (HTTPReplica) async throws -> Void) async throws {
        guard let address else { throw TransportError("no test server") }
        let name = "fullsync-test-" + String(UInt64.random(in: 0...(.max)), radix: 16)
        let replica = HTTPReplica(session: HTTPSession(address: address), database: name)
        // One shard: then CouchDB, too, has one order of changes.
        try await replica.create(shards: 1)
        do {
            try await body(replica)
        } catch {
            try? await replica.destroy()
            throw error
        }
        try await replica.destroy()
    }
}
