import Postgres

/// A stretch of the documents of a database, by id.
package struct DocumentRange: Sendable {
    /// The first id, in reading order; nil for the very first.
    package var first: String?
    /// Whether `first` itself belongs to the stretch; a reader that goes on behind a row says no.
    package var includesFirst = true
    /// The last id, in reading order; nil for the very last.
    package var last: String?
    package var includesLast = true
    package var isDescending = false
    /// Whether only design documents count.
    package var onlyDesigns = false
    package var skip = 0
    /// How many documents are read at most.
    package var limit = 100_000

    package init() {}

    /// The condition on `documents.id` and `documents.deleted`.
    var condition: PostgresQuery {
        let (lower, upper) = isDescending ? (last, first) : (first, last)
        let (lowerIsIn, upperIsIn) =
            isDescending ? (includesLast, includesFirst) : (includesFirst, includesLast)
        var condition: PostgresQuery = "NOT documents.deleted"
        if let lower {
            condition.append(unescaped: lowerIsIn ? " AND documents.id >= " : " AND documents.id > ")
            condition.append(lower)
        }
        if let upper {
            condition.append(unescaped: upperIsIn ? " AND documents.id <= " : " AND documents.id < ")
            condition.append(upper)
        }
        // In the order of the bytes, `0` comes behind `/`.
        if onlyDesigns {
            condition.append(unescaped: " AND documents.id >= '_design/' AND documents.id < '_design0'")
        }
        return condition
    }

    /// The part of the namespace that lies in front of this range, in reading order; nil when nothing does.
    var before: DocumentRange? {
        guard let first else { return nil }
        var before = DocumentRange()
        before.isDescending = isDescending
        before.onlyDesigns = onlyDesigns
        before.last = first
        before.includesLast = !includesFirst
        return before
    }

    var order: String { isDescending ? "ORDER BY documents.id DESC" : "ORDER BY documents.id" }
}
