import Collation

/// Which rows are reduced together: all, those with the same key, or those whose arrays begin alike.
package enum Grouping: Sendable, Hashable {
    case none
    case exact
    case level(Int)

    /// The bytes with which the collation keys of the key's group begin; those of a group that is one key are the key.
    func prefix(of key: [UInt8], _ order: CollationKey.Order) -> [UInt8] {
        switch self {
        case .none: []
        case .exact: key
        case .level(let count): Array(key.prefix(CollationKey.length(ofFirst: count, in: key, order: order)))
        }
    }

    /// The key that the group is shown with.
    ///
    /// - Parameter json: The key of one of its rows.
    func key(of json: [UInt8], _ order: CollationKey.Order) -> [UInt8] {
        switch self {
        case .none: return Array("null".utf8)
        case .exact: return json
        case .level(let count):
            guard let prefix = try? CollationKey.prefix(ofFirst: count, in: json[...], order: order), !prefix.isWhole
            else { return json }
            return json.prefix(prefix.textLength) + [UInt8(ascii: "]")]
        }
    }
}

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
