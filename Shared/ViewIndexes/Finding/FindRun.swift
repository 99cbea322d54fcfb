import Collation
import CouchProtocol
package import DocumentStore
package import JSON
package import Mango

/// One query on its way: reads what its plan says, and keeps what the selector matches, some at a time.
package struct FindRun: Sendable {
    /// What was looked at, and what came of it.
    package struct Statistics: Sendable, Hashable {
        /// Rows of the index, or documents by id.
        package var keysExamined = 0
        package var documentsExamined = 0
        package var found = 0
    }

    package private(set) var statistics = Statistics()
    /// The last document that was counted, those that are skipped among them; nil for none.
    package private(set) var place: Bookmark?

    private let request: FindRequest
    private let rules: DocumentRules
    private var source: any FindSource
    private var skip: Int
    private var left: Int
    private var isAtEnd: Bool
    private var batch: FindBatch
    private var turns = WorkTurns()

    /// A run that is ready to read: the index is up to date, where that is asked for.
    ///
    /// - Parameter waits: Whether an index that is behind is brought up to date, which may take long.
    /// - Returns: Nil when it is behind and that is not waited for.
    /// - Throws: `invalid_bookmark` for one of another kind of query, and what keeps an index from being up to date.
    package init?(
        _ request: FindRequest,
        _ plan: FindPlan,
        indexes: ViewIndexes,
        in database: Database,
        for caller: Caller,
        waits: Bool = true
    ) async throws {
        self.request = request
        rules = database.documentRules
        skip = request.skip
        left = request.limit
        isAtEnd = plan.isEmpty || request.limit == 0
        batch = FindBatch(wanted: Self.sum(request.skip, request.limit))
        let bookmark = try request.bookmark.map { text throws(CouchError) in try Bookmark(parsing: text) }
        let reading = FindReading(
            store: indexes.store,
            database: database,
            caller: caller,
            conflicts: request.conflicts,
            isDescending: request.sort.isDescending
        )
        guard !isAtEnd else {
            source = EmptySource()
            return
        }
        guard let index = plan.index?.index else {
            source = try DocumentSource(reading, plan, behind: bookmark)
            return
        }
        var kept = try await indexes.index(index.definition, in: database)
        if request.update, !request.isStale {
            if waits {
                kept = try await indexes.bringUpToDate(kept)
            } else if try await !indexes.isUpToDate(kept) {
                return nil
            }
        }
        source = try IndexSource(reading, plan, index, kept, behind: bookmark)
    }

    /// What `execution_stats` of an answer says.
    package func executionStatistics(since began: ContinuousClock.Instant) -> JSONValue {
        let examined = JSONValue.number(JSONNumber(statistics.documentsExamined))
        let comparesCopies = request.quorum > 1
        return [
            "total_keys_examined": .number(JSONNumber(statistics.keysExamined)),
            "total_docs_examined": comparesCopies ? 0 : examined,
            "total_quorum_docs_examined": comparesCopies ? examined : 0,
            "results_returned": .number(JSONNumber(statistics.found)),
            "execution_time_ms": .number(JSONNumber((ContinuousClock.now - began) / .milliseconds(1))),
        ]
    }

    /// Appends the next matching documents, `separator` in front of each but the very first.
    ///
    /// - Returns: Whether there may be more.
    @concurrent package mutating func next(into output: inout [UInt8], separator: String) async throws -> Bool {
        guard !isAtEnd else { return false }
        let read = try await source.next(batch.count)
        statistics.keysExamined += read.rows
        statistics.documentsExamined += read.documents
        let (before, workBefore) = (Self.sum(skip, left), turns.work)
        for candidate in read.candidates where left > 0 {
            try take(candidate, into: &output, separator)
            // A selector may be much work, and others have their turn meanwhile.
            try await turns.next()
        }
        let after = Self.sum(skip, left)
        batch.note(
            bytes: read.bytes,
            work: turns.work - workBefore,
            of: read.rows,
            matching: before - after,
            left: after
        )
        isAtEnd = read.isLast || left == 0
        return !isAtEnd
    }

    /// Both together, or as much as there can be.
    private static func sum(_ left: Int, _ right: Int) -> Int {
        let (sum, overflows) = left.addingReportingOverflow(right)
        return overflows ? .max : sum
    }

    /// Writes the candidate when it is one of those wanted.
    private mutating func take(_ candidate: FindCandidate, into output: inout [UInt8], _ separator: String) throws {
        let value = try candidate.value(rules)
        guard request.selector.matches(value, collation: .unicode, work: &turns.work) else { return }
        place = candidate.place
        guard skip == 0 else {
            skip -= 1
            return
        }
        if statistics.found > 0 { output.append(contentsOf: separator.utf8) }
        if let fields = request.fields {
            fields.apply(to: value).write(to: &output)
        } else {
            candidate.write(to: &output, rules)
        }
        statistics.found += 1
        left -= 1
    }
}

/// How many rows are read at once: as many as are wanted while nearly all match, more where few do, and fewer where
/// documents are large, or much work to the selector: between two batches it shows whether the client is still there.
private struct FindBatch: Sendable {
    private static let range = 1...500
    private static let byteAim = 2 << 20
    private static let workAim = 20_000_000

    private(set) var count: Int

    init(wanted: Int) {
        count = min(max(wanted, 1), Self.range.upperBound / 2)
    }

    mutating func note(bytes: Int, work: Int, of rows: Int, matching: Int, left: Int) {
        guard rows > 0 else { return }
        let fitting = min(Self.byteAim / max(bytes / rows, 1), Self.workAim / max(work / rows, 1))
        let wanted = matching * 2 > rows ? min(left, count * 2) : count * 2
        count = min(max(min(wanted, fitting), Self.range.lowerBound), Self.range.upperBound)
    }
}
