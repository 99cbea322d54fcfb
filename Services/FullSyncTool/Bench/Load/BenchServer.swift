import AsyncHTTPClient
import Foundation
import JSON
import NIOCore
import NIOHTTP1

/// A server under load, as its administrator sees it.
struct BenchServer: Sendable {
    let name: String
    let isPeer: Bool
    let administrator: LoadClient

    /// Makes an empty database.
    func create(_ database: String) async throws {
        try await administrator.ask(.PUT, "/\(database)")
    }

    /// Deletes a database, when it is there.
    func delete(_ database: String) async throws {
        _ = try await administrator.send(.DELETE, "/\(database)")
    }

    /// Fills a database over a few connections.
    func fill(_ database: String, _ documents: BenchDocuments) async throws {
        let bodies = documents.batches()
        try await inParallel(4, over: bodies) { body in
            try await administrator.ask(.POST, "/\(database)/_bulk_docs", body())
        }
    }
}

/// Runs `body` for each element, some at a time.
func inParallel<Element: Sendable>(
    _ width: Int,
    over elements: some Collection<Element>,
    _ body: @escaping @Sendable (Element) async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        var waiting = elements.makeIterator()
        for _ in 0..<width {
            guard let element = waiting.next() else { break }
            group.addTask { try await body(element) }
        }
        while try await group.next() != nil {
            if let element = waiting.next() { group.addTask { try await body(element) } }
        }
    }
}

extension BenchServer {
    /// The running system, and the peer when there is one.
    static func all(_ demo: DemoStage, peer: String?, http: HTTPClient) throws -> [BenchServer] {
        let own = BenchServer(
            name: "full sync",
            isPeer: false,
            administrator: LoadClient(
                base: demo.system.endpoint,
                credential: ("Authorization", demo.administrator.authorization),
                http: http
            )
        )
        guard let peer else { return [own] }
        guard var parts = URLComponents(string: peer), let user = parts.user, let password = parts.password else {
            throw DemoFailure("the peer must be given as http://user:password@host:port")
        }
        (parts.user, parts.password, parts.path) = (nil, nil, "")
        let credentials = DemoProject.Credentials(user: user, password: password)
        let client = LoadClient(
            base: parts.string ?? peer,
            credential: ("Authorization", credentials.authorization),
            http: http
        )
        return [own, BenchServer(name: "peer", isPeer: true, administrator: client)]
    }

    /// What the server calls itself.
    func version() async throws -> String {
        let welcome = try JSONValue(parsing: Array(try await administrator.get("/").readableBytesView))
        let vendor = welcome["vendor"]?["name"]?.stringValue ?? "unknown"
        let version = welcome["vendor"]?["version"]?.stringValue ?? welcome["version"]?.stringValue ?? ""
        return "\(vendor) \(version)"
    }
}
