import JSON
import NIOHTTP1
import Synchronization
import Testing

/// Technicians of the demo: two of one team, one of another.
struct Cast: Sendable {
    let first: String
    let colleague: String
    let stranger: String
    let team: String
    let otherTeam: String

    private static let taken = Mutex(0)

    static func of(_ system: RunningSystem) async throws -> Cast {
        let rows = try await system.erp.get("/technicians?limit=1000").json["rows"]?.arrayValue ?? []
        let teams = Dictionary(grouping: rows) { $0["team"]?.stringValue ?? "" }
            .mapValues { $0.compactMap { $0["login"]?.stringValue }.sorted() }
        let names = teams.keys.sorted()
        try #require(names.count >= 2)
        let (one, other) = try (#require(teams[names[0]]), #require(teams[names[1]]))
        try #require(one.count >= 2)
        return Cast(first: one[0], colleague: one[1], stranger: other[0], team: names[0], otherTeam: names[1])
    }

    /// An open work order of the first technician, which no other test has.
    func openOrder(_ system: RunningSystem) async throws -> String {
        let rows = try await system.erp.get("/work-orders?technician=\(first)&limit=1000").json["rows"]?.arrayValue
        let open = (rows ?? []).filter { $0["status"] != "closed" }.compactMap { $0["number"]?.stringValue }
        let place = Self.taken.withLock { taken in
            taken += 1
            return taken - 1
        }
        try #require(place < open.count)
        return open[place]
    }
}

extension RunningSystem {
    /// The password that the demo's ERP gave a technician.
    static func password(of technician: String) -> String { "\(technician)-2026" }

    /// A client with a session of its own for a technician.
    func login(_ technician: String) async throws -> Client {
        try await Client(http).login(technician, Self.password(of: technician))
    }
}

extension Client.Answer {
    /// The token in the cookie that the answer sets.
    var sessionToken: String? {
        headers["set-cookie"].first { $0.hasPrefix("AuthSession=") }
            .map { String($0.dropFirst("AuthSession=".count).prefix { $0 != ";" }) }
    }
}
