import Postgres

extension ControlStore {
    /// How many runs are counted of each state at most.
    private static let countedRuns = 100_000

    /// How many runs wait, run, or were set aside, by state: at most a hundred thousand of each.
    package func unfinishedRuns() async throws -> [RunState: Int] {
        let states = [RunState.waiting, .running, .failed, .uncertain]
        // The states stand in the text, so that the indexes of the few runs in them serve. A run that waits has its
        // variables, which is what the index of those asks.
        let counts = states.map { state in
            let condition = "state = '\(state.rawValue)'" + (state == .waiting ? " AND variables IS NOT NULL" : "")
            return "(SELECT count(*) FROM (SELECT FROM runs WHERE \(condition) LIMIT \(Self.countedRuns)) AS found)"
        }
        let rows = try await client.query("SELECT \(unescaped: counts.joined(separator: ", "))")
        guard let row = rows.first else { return [:] }
        var result: [RunState: Int] = [:]
        for (place, state) in states.enumerated() { result[state] = Int(try row.decode(Int64.self, at: place)) }
        return result
    }
}
