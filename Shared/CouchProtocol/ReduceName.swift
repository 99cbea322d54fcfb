/// The names of the reduces that need no JavaScript, as design documents have them (CouchDB 3.5,
/// `couch_query_servers:builtin_reduce/4`).
package enum ReduceName {
    /// The names that are as they are.
    package static let fixed = ["_sum", "_count", "_stats", "_approx_count_distinct", "_first", "_last"]
    /// What a number stands behind: how many of the greatest or the least values are kept.
    package static let ranked = ["_top_", "_bottom_"]

    /// The greatest number behind ``ranked``.
    private static let greatestRank = 100

    /// Refuses the name of a reduce that there is not; as in CouchDB, a name may begin with one of ``fixed``.
    ///
    /// - Throws: `invalid_design_doc`.
    package static func check(_ name: String) throws(CouchError) {
        guard !fixed.contains(where: name.hasPrefix) else { return }
        for prefix in ranked where name.hasPrefix(prefix) {
            guard let rank = Int(name.dropFirst(prefix.count)) else { throw invalid("invalid rank reducer") }
            guard 1...greatestRank ~= rank else {
                throw invalid("rank value must be between 1 and \(greatestRank)")
            }
            return
        }
        throw invalid("`\(name)` is not a supported reduce function.")
    }

    private static func invalid(_ reason: String) -> CouchError {
        CouchError(status: 400, error: "invalid_design_doc", reason: reason)
    }
}
