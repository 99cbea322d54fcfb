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
        // No id has U+0000 in it, and PostgreSQL takes none: such an end lies right behind what stands in front of it.
        if let lower {
            let (end, isCut) = Self.cut(lower)
            condition.append(unescaped: lowerIsIn && !isCut ? " AND documents.id >= " : " AND documents.id > ")
            condition.append(end)
        }
        if let upper {
            let (end, isCut) = Self.cut(upper)
            condition.append(unescaped: upperIsIn || isCut ? " AND documents.id <= " : " AND documents.id < ")
            condition.append(end)
        }
        // In the order of the bytes, `0` comes behind `/`.
        if onlyDesigns {
            condition.append(unescaped: " AND documents.id >= '_design/' AND documents.id < '_design0'")
        }
        return condition
    }

    /// A text up to its first U+0000, and whether there was one.
    private static func cut(_ text: String) -> (String, isCut: Bool) {
        guard let place = text.utf8.firstIndex(of: 0) else { return (text, false) }
        return (String(text[..<place]), true)
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
