package import Collation
package import CouchProtocol
package import JSON

/// What a query of a view asks for, before it is known whether it can be asked.
package struct ViewArguments: Sendable, Hashable {
    /// The only keys that are wanted; nil for a range.
    package var keys: [JSONValue]?
    package var startKey: JSONValue?
    package var endKey: JSONValue?
    package var startKeyID: String?
    package var endKeyID: String?
    package var inclusiveEnd = true
    package var isDescending = false
    /// What is said about reducing, grouping and its level; nil for nothing.
    package var reduces: Bool?
    package var groups: Bool?
    package var groupLevel: Int?
    package var includesDocuments = false
    package var includesConflicts = false

    /// All rows, reduced where the view can.
    package init() {}
}

/// The rows that a query of a view means, checked as `couch_mrview_util:validate_args/1` of CouchDB does.
package struct ViewSelection: Sendable {
    package let isReduced: Bool
    package let grouping: Grouping
    /// The keys that are asked for, in the order of the answer; nil for a range.
    package let keys: [[UInt8]]?
    package let range: KeyRange

    /// - Parameters:
    ///   - hasReduce: Whether the view has a reduce function.
    ///   - order: The order of the view's keys.
    /// - Throws: `query_parse_error` for what does not fit together, or not this view.
    package init(_ arguments: ViewArguments, hasReduce: Bool, order: CollationKey.Order) throws(CouchError) {
        isReduced = hasReduce && arguments.reduces != false
        grouping = try Self.grouping(arguments)
        try Self.check(arguments, isReduced: isReduced, grouping, hasReduce: hasReduce)
        // A single key is a range, as in CouchDB.
        if let keys = arguments.keys, keys.count != 1 {
            let named = arguments.isDescending ? keys.reversed() : keys
            self.keys = try named.map { key throws(CouchError) in try Self.key(key, order) }
            range = KeyRange(isDescending: arguments.isDescending)
        } else {
            keys = nil
            range = try Self.range(arguments, order)
        }
    }

    /// The stretches of rows that are read, one after the other.
    package var ranges: [KeyRange] {
        guard let keys else { return [range] }
        return keys.map { key in
            var range = KeyRange(key: key)
            range.isDescending = self.range.isDescending
            return range
        }
    }

    private static func grouping(_ arguments: ViewArguments) throws(CouchError) -> Grouping {
        switch (arguments.groups, arguments.groupLevel) {
        case (nil, nil), (false?, nil): return .none
        case (false?, let level?) where level > 0:
            throw .queryParseError("Can't specify group=false and group_level>0 at the same time")
        case (true?, nil): return .exact
        case (_, let level?): return level == 0 ? .none : .level(level)
        }
    }

    private static func check(
        _ arguments: ViewArguments,
        isReduced: Bool,
        _ grouping: Grouping,
        hasReduce: Bool
    ) throws(CouchError) {
        guard hasReduce || arguments.reduces != true else {
            throw .queryParseError("Reduce is invalid for map-only views.")
        }
        guard isReduced || grouping == .none else { throw .queryParseError("Invalid use of grouping on a map view.") }
        let hasKeys = arguments.keys.map { $0.count != 1 } ?? false
        guard !isReduced || !hasKeys || grouping == .exact else {
            throw .queryParseError("Multi-key fetches for reduce views must use `group=true`")
        }
        guard !isReduced || !arguments.includesDocuments else {
            throw .queryParseError("`include_docs` is invalid for reduce")
        }
        guard !isReduced || !arguments.includesConflicts else {
            throw .queryParseError("`conflicts` is invalid for reduce views.")
        }
        let isRange = arguments.startKey != nil || arguments.endKey != nil
        guard !hasKeys || arguments.keys?.isEmpty ?? true || !isRange else {
            throw .queryParseError("`keys` is incompatible with `key`, `start_key` and `end_key`")
        }
    }

    private static func key(_ value: JSONValue, _ order: CollationKey.Order) throws(CouchError) -> [UInt8] {
        do throws(CollationKey.Failure) {
            return try CollationKey(value.bytes[...], order: order, limit: 1 << 20).bytes
        } catch {
            throw .queryParseError("A key is too long or nested too deep.")
        }
    }

    private static func range(
        _ arguments: ViewArguments,
        _ order: CollationKey.Order
    ) throws(CouchError) -> KeyRange {
        let single = arguments.keys?.first
        let start = try (single ?? arguments.startKey).map { value throws(CouchError) in try key(value, order) }
        let end = try (single ?? arguments.endKey).map { value throws(CouchError) in try key(value, order) }
        if let start, let end, start != end, start.lexicographicallyPrecedes(end) == arguments.isDescending {
            throw .queryParseError(
                "No rows can match your key range, reverse your start_key and end_key or set "
                    + "descending=\(!arguments.isDescending)"
            )
        }
        let first = start.map { KeyBound(key: $0, id: arguments.startKeyID.map(bounded)) }
        let last = end.map {
            KeyBound(key: $0, id: arguments.endKeyID.map(bounded), isIncluded: arguments.inclusiveEnd)
        }
        return arguments.isDescending
            ? KeyRange(lower: last, upper: first, isDescending: true) : KeyRange(lower: first, upper: last)
    }

    /// A store's text has no U+0000, nor has an id.
    private static func bounded(_ id: String) -> String { String(id.prefix { $0 != "\0" }) }
}
