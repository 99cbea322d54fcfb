import CouchProtocol
package import JSON

/// How a query is answered: from which index, and from which stretch of it.
package struct FindPlan: Sendable {
    /// Nil when there is none that could be, which only `_explain` lives to tell.
    package let index: CandidateIndex?
    /// The ranges of the index's first columns, as far as the selector says some.
    let ranges: [FieldRange]
    /// Whether nothing can match, so that nothing needs to be read.
    package let isEmpty: Bool
    let request: FindRequest
    let collation: JSONCollation
    let trace: PlanTrace

    /// Whether the rows of the index say all that the answer needs.
    package var isCovered: Bool {
        guard let index = index?.index, let fields = request.fields?.paths else { return false }
        return index.covers(fields + request.selector.root.fields)
    }

    /// A stretch of the rows of an index: the beginnings of the keys with which it begins and ends, both in it.
    package struct Stretch: Sendable, Hashable {
        package let start: [JSONValue]
        package let end: [JSONValue]
    }

    /// The stretch of a Mango index that has all matching documents, and others, which the selector must sort out.
    package var stretch: Stretch {
        let columns = index?.columns ?? []
        var (start, end): ([JSONValue], [JSONValue]) = ([], [])
        // Within an index ids are in the order of texts, and selectors compare them by their bytes.
        let usable = zip(columns, ranges).prefix { path, range in
            path != .id || range.isSingle(.codePoints)
        }
        for (_, range) in usable {
            guard let lower = range.lower else { break }
            start.append(collation.ordered(lower.value))
        }
        for (_, range) in usable {
            guard let upper = range.upper else { break }
            end.append(collation.ordered(upper.value))
        }
        return Stretch(start: start, end: end)
    }

    /// The ids between which all matching documents are, both included.
    ///
    /// All documents are read by them; nil is no bound.
    ///
    /// - Returns: Nil when there can be none: ids are strings.
    package var ids: (first: String?, last: String?)? {
        guard !isEmpty else { return nil }
        let range = ranges.first ?? .whole
        // What is no string comes in front of all strings, or behind them.
        if let lower = range.lower?.value, lower.stringValue == nil, !lower.isBeforeStrings { return nil }
        if let upper = range.upper?.value, upper.stringValue == nil, upper.isBeforeStrings { return nil }
        return (range.lower?.value.stringValue, range.upper?.value.stringValue)
    }

    /// What the client should know about its query; nil for nothing.
    ///
    /// - Parameters:
    ///   - examined: How many documents were looked at.
    ///   - found: How many of them matched.
    package func warning(examined: Int, found: Int) -> String? {
        var lines: [String] = []
        if !isWanted, let design = request.useIndex.first {
            let id = design.beginsExactly(with: "_design/") ? design : "_design/" + design
            lines.append(
                request.useIndex.count == 1
                    ? "\(id) was not used because it does not contain a valid index for this query."
                    : "\(id), \(request.useIndex[1]) was not used because it is not a valid index for this query."
            )
        }
        if index == .allDocuments {
            lines.append("No matching index found, create an index to optimize query time.")
        }
        if examined > max(found, 1) * Self.wasteLimit { lines.append(Self.wasteWarning) }
        return lines.isEmpty ? nil : lines.joined(separator: "\n")
    }

    /// Whether the index is the one that the request names, if it names one.
    private var isWanted: Bool { request.useIndex.isEmpty || index?.isNamed(by: request.useIndex) ?? false }

    /// CouchDB's `index_scan_warning_threshold`.
    private static let wasteLimit = 10
    private static let wasteWarning = """
        The number of documents examined is high in proportion to the number of results returned. \
        Consider adding a more specific index to improve this.
        """
}

/// What a planner found out on its way, for whoever wants the choice explained.
///
/// Indexes are named by their places in `all`.
struct PlanTrace: Sendable {
    /// All documents first, then the others in their order.
    let all: [CandidateIndex]
    /// Those for part of the documents only.
    let partial: Set<Int>
    /// Why an index cannot be used, of those that were looked at; empty for one that can.
    let reasons: [Int: [Reason]]
    /// Those that the request leaves to choose from.
    let allowed: Set<Int>
    /// Those of them that are of the better type, the best one first, and how many of the selector's ranges each lacks.
    let ranked: [(index: Int, missing: Int)]

    enum Reason: String, Sendable {
        case isPartial = "is_partial"
        case fieldMismatch = "field_mismatch"
        case sortOrderMismatch = "sort_order_mismatch"
        case excludedByUser = "excluded_by_user"
        case unfavoredType = "unfavored_type"
        case lessOverlap = "less_overlap"
        case tooManyFields = "too_many_fields"
        case comesLater = "alphabetically_comes_after"
    }
}

extension CandidateIndex {
    /// Whether the parts of an index's name mean this one.
    func isNamed(by parts: [String]) -> Bool {
        guard let index, let design = parts.first else { return false }
        let id = DocumentID(stored: design.beginsExactly(with: "_design/") ? design : "_design/" + design)
        return index.design == id && (parts.count < 2 || index.name.utf8.elementsEqual(parts[1].utf8))
    }
}

extension JSONValue {
    /// Whether the value comes in front of all strings.
    fileprivate var isBeforeStrings: Bool {
        switch self {
        case .null, .bool, .number: true
        case .string, .array, .object: false
        }
    }
}
