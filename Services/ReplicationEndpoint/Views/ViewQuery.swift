import Collation
import CouchProtocol
import JSON
import ViewIndexes

/// A query of a view, checked as `couch_mrview_util:validate_args/1` of CouchDB does.
struct ViewQuery: Sendable {
    let list: DocumentListQuery
    let isReduced: Bool
    let grouping: Grouping
    /// The keys that are asked for, in the order of the answer; nil for a range.
    let keys: [[UInt8]]?
    let range: KeyRange

    init(_ list: DocumentListQuery, _ view: DesignViews.View, _ order: CollationKey.Order) throws(CouchError) {
        self.list = list
        isReduced = view.reducer != nil && list.reduces != false
        grouping = try Self.grouping(list)
        try Self.check(list, isReduced: isReduced, grouping, hasReduce: view.reducer != nil)
        // A single key is a range, as in CouchDB.
        if let keys = list.keys, keys.count != 1 {
            let named = list.isDescending ? keys.reversed() : keys
            self.keys = try named.map { key throws(CouchError) in try Self.key(key, order) }
            range = KeyRange(isDescending: list.isDescending)
        } else {
            keys = nil
            range = try Self.range(list, order)
        }
    }

    private static func grouping(_ list: DocumentListQuery) throws(CouchError) -> Grouping {
        switch (list.groups, list.groupLevel) {
        case (nil, nil), (false?, nil): return .none
        case (false?, let level?) where level > 0:
            throw .queryParseError("Can't specify group=false and group_level>0 at the same time")
        case (true?, nil): return .exact
        case (_, let level?): return level == 0 ? .none : .level(level)
        }
    }

    private static func check(
        _ list: DocumentListQuery,
        isReduced: Bool,
        _ grouping: Grouping,
        hasReduce: Bool
    ) throws(CouchError) {
        guard hasReduce || list.reduces != true else {
            throw .queryParseError("Reduce is invalid for map-only views.")
        }
        guard isReduced || grouping == .none else { throw .queryParseError("Invalid use of grouping on a map view.") }
        let hasKeys = list.keys.map { $0.count != 1 } ?? false
        guard !isReduced || !hasKeys || grouping == .exact else {
            throw .queryParseError("Multi-key fetches for reduce views must use `group=true`")
        }
        guard !isReduced || !list.includesBodies else {
            throw .queryParseError("`include_docs` is invalid for reduce")
        }
        guard !isReduced || !list.conflicts else {
            throw .queryParseError("`conflicts` is invalid for reduce views.")
        }
        guard !hasKeys || list.keys?.isEmpty ?? true || list.startKey == nil && list.endKey == nil else {
            throw .queryParseError("`keys` is incompatible with `key`, `start_key` and `end_key`")
        }
        try list.checkPartition()
    }

    private static func key(_ value: JSONValue, _ order: CollationKey.Order) throws(CouchError) -> [UInt8] {
        do throws(CollationKey.Failure) {
            return try CollationKey(value.bytes[...], order: order, limit: 1 << 20).bytes
        } catch {
            throw .queryParseError("A key is too long or nested too deep.")
        }
    }

    private static func range(_ list: DocumentListQuery, _ order: CollationKey.Order) throws(CouchError) -> KeyRange {
        let single = list.keys?.first
        let start = try (single ?? list.startKey).map { value throws(CouchError) in try key(value, order) }
        let end = try (single ?? list.endKey).map { value throws(CouchError) in try key(value, order) }
        if let start, let end, start != end, start.lexicographicallyPrecedes(end) == list.isDescending {
            throw .queryParseError(
                "No rows can match your key range, reverse your start_key and end_key or set "
                    + "descending=\(!list.isDescending)"
            )
        }
        let first = start.map { KeyBound(key: $0, id: list.startKeyID.map(bounded)) }
        let last = end.map { KeyBound(key: $0, id: list.endKeyID.map(bounded), isIncluded: list.inclusiveEnd) }
        return list.isDescending
            ? KeyRange(lower: last, upper: first, isDescending: true) : KeyRange(lower: first, upper: last)
    }

    /// PostgreSQL's text has no U+0000, nor has an id.
    private static func bounded(_ id: String) -> String { String(id.prefix { $0 != "\0" }) }
}
