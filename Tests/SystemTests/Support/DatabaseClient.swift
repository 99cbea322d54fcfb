import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import ReplicaConformance
import Testing

/// A database of a server, as an HTTP client sees it.
struct DatabaseClient: CouchDatabaseClient {
    let client: Client
    let name: String

    func send(
        _ method: String,
        _ path: String,
        headers: [(String, String)],
        text: String?
    ) async throws -> CouchAnswer {
        let response = try await client.open(method, "/\(name)\(path)", headers: headers, text: text)
        let body = try await response.body.collect(upTo: 64 << 20)
        var named: [String: String] = [:]
        for (name, value) in response.headers { named[name.lowercased()] = value }
        return CouchAnswer(
            status: Int(response.status.code),
            headers: named,
            bytes: Array(body.readableBytesView)
        )
    }

    func follow(_ path: String, headers: [(String, String)], read: (String) async throws -> Bool) async throws {
        let response = try await client.open("GET", "/\(name)\(path)", headers: headers)
        var lines = Lines(response)
        while let line = try await lines.next() {
            guard try await read(line) else { return }
        }
    }
}

extension Client {
    /// Makes a database for the time of a test.
    func withDatabase(_ body: (DatabaseClient) async throws -> Void) async throws {
        let name = uniqueID("check")
        // With one shard, CouchDB's changes have an order.
        let made = try await send("PUT", "/\(name)?q=1")
        try #require(made.status == 201, "\(made.json)")
        try await body(DatabaseClient(client: self, name: name))
        _ = try await send("DELETE", "/\(name)")
    }
}
