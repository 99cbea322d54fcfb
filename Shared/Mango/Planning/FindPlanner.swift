package import CouchProtocol
import JSON

/// Chooses the index for a query, as CouchDB does (`mango_idx`, `mango_idx_view` and `mango_cursor_view`, version 3.5).
///
/// An index may be used when every matching document is in it: it lacks those that lack one of its fields, so the
/// selector must require each field that is not sorted by. Of those the best is the one whose first columns have the
/// most of the selector's ranges, then the one with the fewest columns, then the first by name.
package struct FindPlanner: Sendable {
    private let request: FindRequest
    private let collation: JSONCollation
    private let all: [CandidateIndex]
    private let selector: SelectorNode

    /// - Parameters:
    ///   - indexes: Those of the database, in any order.
    ///   - collation: The order of values in indexes.
    package init(_ request: FindRequest, indexes: [QueryIndex], collation: JSONCollation) {
        self.request = request
        self.collation = collation
        all = [.allDocuments] + indexes.sorted().map(CandidateIndex.index)
        selector = request.selector.root
    }

    /// What a plan is for.
    package enum Purpose: Sendable {
        case find
        /// For a look: then it may be that there is no index.
        case explanation
    }

    /// The plan.
    ///
    /// - Throws: `no_usable_index` when the order that is asked for needs an index, and `invalid_index` when the
    ///   request forbids every other than one that cannot be used.
    package func plan(for purpose: Purpose = .find) throws(CouchError) -> FindPlan {
        let partial = Set(all.indices.filter { all[$0].index?.partialFilter != nil })
        let looked = all.indices.filter { !partial.contains($0) || all[$0].isNamed(by: request.useIndex) }
        let reasons = Dictionary(uniqueKeysWithValues: looked.map { ($0, obstacles(to: all[$0])) })
        let usable = looked.filter { reasons[$0]?.isEmpty ?? false }
        guard !usable.isEmpty || purpose == .explanation else { throw Self.noUsableIndex }
        let allowed = try allowed(of: usable)
        let favored = allowed.contains { all[$0] != .allDocuments } ? allowed.filter { $0 > 0 } : allowed
        let ranges = ranges
        let ranked = rank(favored, ranges)
        let best = ranked.first.map { all[$0.index] }
        let chosen = best.map { prefix(of: $0, ranges) } ?? []
        return FindPlan(
            index: best,
            ranges: chosen,
            isEmpty: wantsNothing || ranges.values.contains(where: \.isEmpty),
            request: request,
            collation: collation,
            trace: PlanTrace(
                all: all,
                partial: partial,
                reasons: reasons,
                allowed: Set(allowed),
                ranked: ranked
            )
        )
    }

    private static let noUsableIndex = CouchError(
        status: 400,
        error: "no_usable_index",
        reason: "No index exists for this sort, try indexing by the sort fields."
    )

    // MARK: - Which may be used

    private func obstacles(to candidate: CandidateIndex) -> [PlanTrace.Reason] {
        var reasons: [PlanTrace.Reason] = []
        let sort = request.sort.paths
        switch candidate {
        case .allDocuments:
            guard !sort.isEmpty else { return [] }
            if !selector.indexableFields.contains(.id) { reasons.append(.fieldMismatch) }
            if sort != [.id] { reasons.append(.sortOrderMismatch) }
        case .index:
            // What is sorted by must be there, and so must what every document has.
            let required = Set(candidate.columns).subtracting(sort + [.id, .revision])
            if !selector.optional(among: required).isEmpty { reasons.append(.fieldMismatch) }
            if !isInOrder(candidate.columns, sort) { reasons.append(.sortOrderMismatch) }
        }
        return reasons
    }

    /// Whether the rows are in the order that is asked for, whose fields may follow ones that have one value.
    private func isInOrder(_ columns: [FieldPath], _ sort: [FieldPath]) -> Bool {
        guard let first = sort.first else { return true }
        let rest = columns.drop { $0 != first && selector.isConstant($0) }
        return rest.starts(with: sort)
    }

    /// The usable indexes that the request leaves to choose from.
    private func allowed(of usable: [Int]) throws(CouchError) -> [Int] {
        let named = usable.filter { all[$0].isNamed(by: request.useIndex) }
        guard named.isEmpty else { return named }
        guard request.allowsFallback || request.useIndex.isEmpty && usable.count > 1 else { throw notSuitable }
        return usable
    }

    private var notSuitable: CouchError {
        let names = request.useIndex.enumerated().map { place, name in
            place > 0 || name.beginsExactly(with: "_design/") ? name : "_design/" + name
        }
        return .mango(
            "invalid_index",
            names.isEmpty
                ? "You must specify an index with the `use_index` parameter."
                : "\(names.joined(separator: ", ")) specified by `use_index` could not be found or it is not suitable."
        )
    }

    // MARK: - Which is best

    /// The ranges that the selector says, by field; when one is empty, that one alone.
    private var ranges: [FieldPath: FieldRange] {
        var ranges: [FieldPath: FieldRange] = [:]
        for field in selector.indexableFields {
            // Ids are compared by their bytes.
            let range = selector.range(of: field, field == .id ? .codePoints : collation)
            guard !range.isEmpty else { return [field: range] }
            ranges[field] = range
        }
        return ranges
    }

    /// The ranges of the first columns, up to the first that has none.
    private func prefix(of candidate: CandidateIndex, _ ranges: [FieldPath: FieldRange]) -> [FieldRange] {
        var prefix: [FieldRange] = []
        for column in candidate.columns {
            guard let range = ranges[column] else { break }
            prefix.append(range)
        }
        return prefix
    }

    private func rank(_ candidates: [Int], _ ranges: [FieldPath: FieldRange]) -> [(index: Int, missing: Int)] {
        let found = candidates.map { index in
            (index: index, missing: ranges.count - prefix(of: all[index], ranges).count)
        }
        return found.sorted { left, right in
            if left.missing != right.missing { return left.missing < right.missing }
            let (few, many) = (all[left.index].columns.count, all[right.index].columns.count)
            return few == many ? left.index < right.index : few < many
        }
    }

    /// As in CouchDB, a selector that consists of an operator without conditions finds nothing, though within another
    /// one such an operator always holds.
    private var wantsNothing: Bool {
        guard !request.selector.isEmpty else { return false }
        switch selector {
        case .all([]), .any([]): return true
        default: return false
        }
    }
}
