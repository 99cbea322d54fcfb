import CouchProtocol
package import JSON

extension FindPlan {
    /// The answer of `_explain`, in the form of CouchDB 3.5.
    package func explanation(database: String) -> JSONValue {
        var members: JSONObject = [
            "dbname": .string(database),
            "index": index?.json ?? nil,
            "partitioned": false,
            "selector": request.selector.json,
            "opts": options,
            "limit": .number(JSONNumber(request.limit)),
            "skip": .number(JSONNumber(request.skip)),
            "fields": fields,
            "index_candidates": .array(candidates),
            "selector_hints": [hints],
        ]
        if index != nil {
            members["mrargs"] = arguments
            members["covering"] = .bool(isCovered)
        }
        return .object(members)
    }

    private var fields: JSONValue { .array((request.fields?.paths ?? []).map { .string($0.text) }) }

    private var options: JSONValue {
        [
            "use_index": .array(request.useIndex.map(JSONValue.string)),
            "bookmark": .string(request.bookmark ?? Bookmark.none),
            "limit": .number(JSONNumber(request.limit)),
            "skip": .number(JSONNumber(request.skip)),
            "sort": .object(request.sort.json),
            "fields": fields,
            "partition": "",
            "r": .number(JSONNumber(request.quorum)),
            "conflicts": .bool(request.conflicts),
            "stale": request.isStale ? "ok" : false,
            "update": .bool(request.update),
            "stable": .bool(request.stable),
            "execution_stats": .bool(request.executionStats),
            "allow_fallback": .bool(request.allowsFallback),
        ]
    }

    /// What CouchDB asks of its view engine.
    private var arguments: JSONValue {
        let isBackwards = request.sort.isDescending
        let (first, last) = keys
        return [
            "include_docs": .bool(request.quorum == 1 && !isCovered),
            "view_type": "map",
            "reduce": false,
            "partition": nil,
            "start_key": isBackwards ? last : first,
            "end_key": isBackwards ? first : last,
            "direction": isBackwards ? "rev" : "fwd",
            "stable": .bool(request.stable || request.isStale),
            "update": .bool(request.update && !request.isStale),
            "conflicts": request.conflicts ? true : "undefined",
        ]
    }

    private var keys: (JSONValue, JSONValue) {
        guard !isEmpty else { return (nil, nil) }
        guard index?.index == nil else {
            return (.array(stretch.start), .array(stretch.end + [Self.last]))
        }
        let range = ranges.first ?? .whole
        return (range.lower?.value ?? "", range.upper?.value ?? Self.last)
    }

    /// What CouchDB writes for a key behind all others.
    private static let last: JSONValue = "<MAX>"

    /// Which of the selector's fields an index could help with.
    private var hints: JSONValue {
        let indexable = request.selector.root.indexableFields
        let others = Set(request.selector.root.fields).subtracting(indexable)
        return [
            "type": "json",
            "indexable_fields": .array(indexable.map { .string($0.text) }),
            "unindexable_fields": .array(
                others.map(\.text).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map(JSONValue.string)
            ),
        ]
    }

    // MARK: - The indexes that were not chosen

    /// The others, from the last to the first, with what speaks against each.
    private var candidates: [JSONValue] {
        let analysis = PlanAnalysis(trace, winner: index)
        // CouchDB's order: design documents backwards, all documents last.
        return trace.all.indices.reversed().filter { trace.all[$0] != index }.map { place in
            let verdict = analysis.verdict(on: place)
            let covering = trace.all[place].index.map { index in
                JSONValue.bool(request.fields.map { index.covers($0.paths) } ?? false)
            }
            return [
                "index": trace.all[place].json,
                "analysis": [
                    "usable": .bool(verdict.isUsable),
                    "reasons": [["name": .string(verdict.reason.rawValue)]],
                    "ranking": .number(JSONNumber(verdict.ranking)),
                    "covering": covering ?? nil,
                ],
            ]
        }
    }
}

/// Why each index was not chosen, and how near it came: `mango_cursor:extract_candidate_indexes`.
private struct PlanAnalysis {
    struct Verdict {
        let isUsable: Bool
        let reason: PlanTrace.Reason
        let ranking: Int
    }

    private let trace: PlanTrace
    private let winnerColumns: Int
    private let unfavoredRank: Int
    private let excludedRank: Int
    private let unusableRank: Int
    private let partialRank: Int

    init(_ trace: PlanTrace, winner: CandidateIndex?) {
        self.trace = trace
        winnerColumns = winner?.columns.count ?? 0
        let usable = Set(trace.reasons.filter(\.value.isEmpty).keys)
        let ranked = Set(trace.ranked.map(\.index))
        // Each group that is not empty moves those behind it one rank down.
        unfavoredRank = max(1, trace.ranked.count)
        excludedRank = unfavoredRank + (trace.allowed.subtracting(ranked).isEmpty ? 0 : 1)
        unusableRank = excludedRank + (usable.subtracting(trace.allowed).isEmpty ? 0 : 1)
        partialRank = unusableRank + (trace.reasons.count == usable.count ? 0 : 1)
    }

    func verdict(on place: Int) -> Verdict {
        let isPartial = trace.partial.contains(place)
        let obstacles = trace.reasons[place]
        if isPartial, obstacles?.first != nil || obstacles == nil {
            // One that was looked at all the same counts as both.
            let ranking = partialRank + (obstacles == nil ? 0 : unusableRank)
            return Verdict(isUsable: false, reason: .isPartial, ranking: ranking)
        }
        if let obstacle = obstacles?.first {
            return Verdict(isUsable: false, reason: obstacle, ranking: unusableRank)
        }
        if let rank = trace.ranked.firstIndex(where: { $0.index == place }) {
            let isTooWide = trace.all[place].columns.count > winnerColumns
            let reason: PlanTrace.Reason =
                trace.ranked[rank].missing > 0 ? .lessOverlap : isTooWide ? .tooManyFields : .comesLater
            return Verdict(isUsable: true, reason: reason, ranking: rank)
        }
        return trace.allowed.contains(place)
            ? Verdict(isUsable: true, reason: .unfavoredType, ranking: unfavoredRank)
            : Verdict(isUsable: true, reason: .excludedByUser, ranking: excludedRank)
    }
}
