/// The reduce functions that CouchDB 3.5 has
/// (<https://docs.couchdb.org/en/stable/ddocs/ddocs.html#built-in-reduce-functions>).
package enum BuiltInReduce: Sendable, Hashable {
    case sum
    case count
    case stats
    case distinct
    case top(Int)
    case bottom(Int)
    case first
    case last

    /// The function of that name; nil when there is none, or it is no built-in one.
    package init?(_ text: String) {
        switch text.trimmingPrefix("_").split(separator: "_").first.map(String.init) {
        case "sum" where text == "_sum": self = .sum
        case "count" where text == "_count": self = .count
        case "stats" where text == "_stats": self = .stats
        case "approx" where text == "_approx_count_distinct": self = .distinct
        case "first" where text == "_first": self = .first
        case "last" where text == "_last": self = .last
        case "top":
            guard let count = Int(text.dropFirst("_top_".count)), 1...100 ~= count else { return nil }
            self = .top(count)
        case "bottom":
            guard let count = Int(text.dropFirst("_bottom_".count)), 1...100 ~= count else { return nil }
            self = .bottom(count)
        default: return nil
        }
    }

    /// The reduction of no rows.
    package var empty: Reduction {
        switch self {
        case .sum: .sum(.start)
        case .count: .count(0)
        case .stats: .stats(.start)
        case .distinct: .distinct(HyperLogLog())
        case .top(let count): .ranked(RankedValues(count, isTop: true))
        case .bottom(let count): .ranked(RankedValues(count, isTop: false))
        case .first: .edge(EdgeValue(isFirst: true))
        case .last: .edge(EdgeValue(isFirst: false))
        }
    }
}
