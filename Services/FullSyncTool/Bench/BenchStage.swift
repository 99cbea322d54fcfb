import Foundation
import JSON
import NIOCore
import NIOHTTP1

/// What the cases share: the servers, the technicians as users, and the databases, which are made once.
actor BenchStage {
    nonisolated let demo: DemoStage
    /// Ours, and the peer when there is one.
    nonisolated let servers: [BenchServer]
    nonisolated let rounds: Int
    /// By how much the sets of documents are smaller than they are meant to be.
    nonisolated let scale: Double
    /// Whether the set of a million documents is measured, too.
    nonisolated let isFull: Bool
    private let console: Console
    private var databases: [String: String] = [:]
    private var made: [(server: BenchServer, name: String)] = []
    private var clients: [String: LoadClient] = [:]

    init(demo: DemoStage, servers: [BenchServer], rounds: Int, scale: Double, isFull: Bool, console: Console) {
        self.demo = demo
        self.servers = servers
        self.rounds = rounds
        self.scale = scale
        self.isFull = isFull
        self.console = console
    }

    nonisolated var own: BenchServer { servers[0] }

    /// The number of documents of a case, at this scale.
    nonisolated func scaled(_ count: Int) -> Int { max(Int(Double(count) * scale), 10) }

    nonisolated func progress(_ text: String) { console.progress(text) }

    /// A new, empty database on these servers.
    func database(on servers: [BenchServer]) async throws -> String {
        let name = "fullsync-bench-\(UUID().uuidString.lowercased().prefix(8))"
        for server in servers {
            made.append((server, name))
            try await server.create(name)
        }
        return name
    }

    /// A database with these documents, filled the first time that it is asked for.
    func database(_ key: String, _ documents: BenchDocuments, on servers: [BenchServer]) async throws -> String {
        let key = "\(key) on \(servers.count)"
        if let name = databases[key] { return name }
        let name = try await database(on: servers)
        for server in servers {
            progress("\(server.name): writing \(documents.count) documents")
            try await server.fill(name, documents)
        }
        databases[key] = name
        return name
    }

    /// Deletes a database before the end.
    func drop(_ name: String) async throws {
        for (server, database) in made where database == name { try await server.delete(database) }
        made.removeAll { $0.name == name }
        databases = databases.filter { $0.value != name }
    }

    /// Deletes what was made.
    func clean() async {
        for (server, name) in made { try? await server.delete(name) }
        made = []
    }

    /// A technician, logged in.
    func client(of user: String) async throws -> LoadClient {
        if let client = clients[user] { return client }
        let anonymous = LoadClient(
            base: own.administrator.base,
            credential: ("Accept", "*/*"),
            http: own.administrator.http
        )
        let login = ByteBuffer(string: #"{"name":"\#(user)","password":"\#(user)-2026"}"#)
        let answer = try await anonymous.send(.POST, "/_session", login)
        guard answer.status == 200, let cookie = answer.headers["Set-Cookie"].first?.split(separator: ";").first else {
            throw DemoFailure("\(user) could not log in: \(answer.status)")
        }
        let client = LoadClient(base: anonymous.base, credential: ("Cookie", String(cookie)), http: anonymous.http)
        clients[user] = client
        return client
    }

    /// The names of the technicians.
    func users() async throws -> [String] {
        let rows = try await demo.erp.get("/technicians?limit=1000")["rows"]?.arrayValue ?? []
        return rows.compactMap { $0["login"]?.stringValue }.sorted()
    }

    /// The median time of each server, measured in turns.
    nonisolated func medians(
        _ title: String,
        on servers: [BenchServer],
        rounds: Int? = nil,
        _ measure: (BenchServer) async throws -> Duration
    ) async throws -> [Duration] {
        var times = servers.map { _ in [Duration]() }
        let count = rounds ?? self.rounds
        for round in 1...count {
            for (index, server) in servers.enumerated() {
                let time = try await measure(server)
                progress("\(title), \(round) of \(count), \(server.name): \(time.short)")
                times[index].append(time)
            }
        }
        return times.map { Figures($0).median }
    }
}
