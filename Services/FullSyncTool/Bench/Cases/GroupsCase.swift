import NIOHTTP1

/// A user in 100 groups against one in one group, both with the same documents.
struct GroupsCase: BenchCase {
    static let name = "groups"
    private static let groups = 100

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let users = try await stage.users()
        let (one, many) = (users[1], users[2])
        let count = stage.scaled(2_000)
        // The others' documents, which neither reads, are the greater part.
        let documents = BenchDocuments(count: count * 10) { number in
            number % 10 == 0 ? nil : "nobody"
        } groups: { number in
            number % 10 == 0 ? ["bench-all", "bench-\(number / 10 % Self.groups)"] : []
        }
        let administrator = stage.own.administrator
        let memberships =
            ["/_fullsync/groups/bench-all/members/\(one)"]
            + (0..<Self.groups).map { "/_fullsync/groups/bench-\($0)/members/\(many)" }
        let database = try await stage.database("groups", documents, on: [stage.own])
        for path in memberships { try await administrator.ask(.PUT, path) }
        let clients = (try await stage.client(of: one), try await stage.client(of: many))
        var times: (one: [Duration], many: [Duration]) = ([], [])
        for round in 0...stage.rounds {
            let first = try await Reader(client: clients.0, database: database).pull()
            let second = try await Reader(client: clients.1, database: database).pull()
            guard first.ids == second.ids, first.ids.count == count, second.bodies == count else {
                throw DemoFailure("the users got \(first.ids.count) and \(second.ids.count) documents of \(count)")
            }
            if round > 0 {
                times.one.append(first.duration)
                times.many.append(second.duration)
            }
        }
        for path in memberships { try await administrator.ask(.DELETE, path) }
        let (single, several) = (Figures(times.one).median, Figures(times.many).median)
        return [
            BenchLine(
                title: "\(count) documents by 1 group, by \(Self.groups)",
                own: "\(single.short), \(several.short)",
                result: "\((several / single).short) ×",
                target: "≤ 1.5 ×",
                isMet: several / single <= 1.5
            )
        ]
    }
}
