import ViewRules

/// Some rows that are reduced together, as they are gathered.
struct OpenGroup: Sendable {
    let prefix: [UInt8]
    /// The key that it is shown with.
    let json: [UInt8]
    /// Whether the prefix is that of one key, and not the beginning of many.
    let isOneKey: Bool
    private(set) var parts: [Reduction] = []
    private var rows: [ViewRow] = []

    /// How many rows or parts are reduced at once.
    private static let stretch = 500

    init(prefix: [UInt8], json: [UInt8], isOneKey: Bool) {
        self.prefix = prefix
        self.json = json
        self.isOneKey = isOneKey
    }

    mutating func add(_ row: ViewRow, _ reducer: Reducer) async throws {
        rows.append(row)
        if rows.count >= Self.stretch { try await settle(reducer) }
    }

    mutating func add(_ part: Reduction, _ reducer: Reducer) async throws {
        parts.append(part)
        if parts.count >= Self.stretch { try await settle(reducer) }
    }

    private mutating func settle(_ reducer: Reducer) async throws {
        if !rows.isEmpty {
            parts += try await reducer.reduce([rows])
            rows = []
        }
        if parts.count >= Self.stretch { parts = try await reducer.combine([parts]) }
    }

    /// Reduces the rows of all groups, so that they are in memory no longer.
    static func settle(_ groups: inout [OpenGroup], _ reducer: Reducer) async throws {
        let open = groups.indices.filter { !groups[$0].rows.isEmpty }
        let reductions = try await reducer.reduce(open.map { groups[$0].rows })
        for (place, reduction) in zip(open, reductions) {
            groups[place].parts.append(reduction)
            groups[place].rows = []
        }
    }

    /// The reductions of groups that are complete; of all at once, so that a function is asked once.
    static func results(of groups: [OpenGroup], _ reducer: Reducer) async throws -> [Reduction] {
        let unreduced = groups.filter { !$0.rows.isEmpty }
        var reduced = try await reducer.reduce(unreduced.map(\.rows))[...]
        let parts = groups.map { group in
            group.rows.isEmpty ? group.parts : group.parts + (reduced.popFirst().map { [$0] } ?? [])
        }
        return try await reducer.combine(parts)
    }
}
