import CouchProtocol
import DocumentStore
import Logging
import Postgres
import ScriptHosting

/// Brings indexes up to date: reads the documents that changed, has them mapped, and writes their rows.
///
/// Each batch is one transaction with the move of the index's position, so whatever dies, nothing is lost or twice.
/// While one batch is written the next ones are mapped, and the one behind them is read. Of all processes one at a time
/// works on an index, as far as they can see; when two do, the position lets one through.
struct IndexUpdater: Sendable {
    let store: DocumentStore
    /// Names this process.
    let holder: String
    let logger: Logger
    /// How many rows are looked at by one statement for documents that were purged.
    var purgeStretch = 20_000

    private var client: PostgresClient { store.client }

    /// How many documents a stretch has.
    private static let batchSize = 500
    /// How many stretches of documents are read or mapped ahead of the one that is written.
    private static let width = 4
    /// Has a statement's commit not wait for the disk: who works on an index may be forgotten in a crash of the server.
    private static let lazily = "(SELECT set_config('synchronous_commit', 'off', true)) AS lazily"
    /// How long to wait for another process that works on the index.
    private static let pause = Duration.milliseconds(20)

    /// Where an index stands.
    private struct Standing {
        let seq: Int
        let purge: Int
        let databaseSeq: Int
        let databasePurge: Int
    }

    /// Brings the index to the present end of its database, or waits a moment when another process is doing so.
    ///
    /// - Returns: False when another process is doing so.
    func update(_ index: ViewIndex) async throws -> Bool {
        do {
            guard let standing = try await acquire(index) else {
                try await Task.sleep(for: Self.pause)
                return false
            }
            if standing.purge != standing.databasePurge, try await !removePurged(from: index, standing) {
                try await release(index)
                return false
            }
            if standing.seq < standing.databaseSeq || standing.purge != standing.databasePurge {
                try await run(index, from: standing)
            }
        } catch let error as ScriptError where error.breaksLimit || error.kind == .compilation {
            let failure = error.couchError
            try await stop(index, failure)
            throw failure
        } catch {
            // Also where it is not known whether the index was had.
            try? await release(index)
            throw error
        }
        try await release(index)
        return true
    }

    /// Notes why the index cannot be built, for all processes: each of them would take as long to find out.
    private func stop(_ index: ViewIndex, _ failure: CouchError) async throws {
        try await client.execute(
            """
            UPDATE view_indexes
            SET held_until = NULL, failure_status = \(Int32(failure.status)), failure_error = \(failure.error),
                failure_reason = \(failure.reason.replacing("\0", with: "\u{FFFD}")),
                failed_until = now() + interval '60 seconds'
            WHERE id = \(index.id)
            """
        )
    }

    /// The place where the index stands and where it has to go; nil when another process works on it.
    private func acquire(_ index: ViewIndex) async throws -> Standing? {
        let rows = try await client.query(
            """
            UPDATE view_indexes SET holder = \(holder), held_until = now() + interval '15 seconds'
            FROM databases JOIN counters ON counters.database = databases.id, \(unescaped: Self.lazily)
            WHERE view_indexes.id = \(index.id) AND databases.id = view_indexes.database
                AND (held_until IS NULL OR held_until < now() OR holder = \(holder))
                AND coalesce(failed_until < now(), true)
            RETURNING view_indexes.seq, view_indexes.purge_seq, counters.seq, databases.purge_seq
            """
        )
        guard let row = rows.first else {
            try await explain(index)
            return nil
        }
        let (seq, purge, databaseSeq, databasePurge) =
            try row.decode(Int64.self, Int64.self, Int64.self, Int64.self)
        return Standing(
            seq: Int(seq),
            purge: Int(purge),
            databaseSeq: Int(databaseSeq),
            databasePurge: Int(databasePurge)
        )
    }

    /// Throws what keeps the index from being built, if it is not that another process does so.
    private func explain(_ index: ViewIndex) async throws {
        let rows = try await client.query(
            """
            SELECT failure_status, failure_error, failure_reason, coalesce(failed_until >= now(), false)
            FROM view_indexes WHERE id = \(index.id)
            """
        )
        guard let row = rows.first else { throw IndexGone() }
        let (status, error, reason, hasFailed) = try row.decode(Int32?.self, String?.self, String?.self, Bool.self)
        guard hasFailed, let status, let error, let reason else { return }
        throw CouchError(status: Int(status), error: error, reason: reason)
    }

    /// Gives the index back, also when the update was cancelled: others would wait for what nobody works on.
    private func release(_ index: ViewIndex) async throws {
        // Not in this task, which may be cancelled.
        let task = Task {
            _ = try await client.execute(
                """
                UPDATE view_indexes SET held_until = NULL FROM \(unescaped: Self.lazily)
                WHERE id = \(index.id) AND holder = \(holder)
                """
            )
        }
        try await task.value
    }

    /// Takes the rows away whose documents were purged, which no change tells of.
    ///
    /// The rows of a large index are more than a statement has the time for, so it goes through them some at a time, by
    /// their documents. What is purged meanwhile has a later number, and the index is gone through again for it.
    ///
    /// - Returns: False when another process has moved the index meanwhile.
    private func removePurged(from index: ViewIndex, _ standing: Standing) async throws -> Bool {
        var last: Int64 = 0
        while true {
            let rows = try await client.query(purged(from: index, behind: last))
            let documents = try rows.map { try $0.decode(Int64.self, Bool.self) }
            guard let end = documents.last?.0 else { return true }
            last = end
            let batch = MappedBatch(removing: documents.filter(\.1).map(\.0))
            guard !batch.isEmpty else { continue }
            let (seq, purge) = (standing.seq, standing.purge)
            guard try await write(batch, index, from: seq, to: seq, purge) else { return false }
        }
    }

    /// The next rows' documents that are gone, and the last one, in order; it keeps the index held, too.
    private func purged(from index: ViewIndex, behind last: Int64) -> PostgresQuery {
        """
        WITH hold AS (
            UPDATE view_indexes SET held_until = now() + interval '15 seconds' FROM \(unescaped: Self.lazily)
            WHERE id = \(index.id) AND holder = \(holder)
        ), stretch AS MATERIALIZED (
            SELECT document FROM view_rows WHERE index_id = \(index.id) AND document > \(last)
            ORDER BY document LIMIT \(unescaped: String(purgeStretch))
        ), stretch_end AS MATERIALIZED (SELECT max(document) AS document FROM stretch)
        SELECT entry.document, kept.found IS NULL
        FROM (SELECT DISTINCT document FROM stretch) AS entry
        CROSS JOIN stretch_end
        LEFT JOIN LATERAL (SELECT true AS found FROM documents WHERE number = entry.document LIMIT 1) AS kept ON true
        WHERE kept.found IS NULL OR entry.document = stretch_end.document
        ORDER BY entry.document
        """
    }

    // MARK: - The pipeline

    /// What a task of the pipeline has done.
    private enum Step: Sendable {
        case read([IndexableDocument])
        case mapped(place: Int, MappedStretch)
        case written(to: Int, isOurs: Bool)
    }

    /// Where the pipeline is: one stretch is read, some are mapped, and one is written, all at the same time.
    private struct Line {
        /// The last change that was read, and whether there are more.
        var read: Int
        var isAtEnd = false
        var isReading = false
        /// How many stretches were read, and how many of them were taken to be written.
        var started = 0
        var taken = 0
        /// Those that are mapped before their turn, by their places.
        var waiting: [Int: MappedStretch] = [:]
        /// The one that is being written, and the last change of it that is.
        var inHand: MappedStretch?
        var isWriting = false
        var seq: Int

        init(from seq: Int) { (read, self.seq) = (seq, seq) }

        /// What is to be written next; nil when it is not mapped yet.
        mutating func nextBatch() -> MappedBatch? {
            while true {
                if let batch = inHand?.next() { return batch }
                inHand = waiting.removeValue(forKey: taken)
                guard inHand != nil else { return nil }
                taken += 1
            }
        }
    }

    private func run(_ index: ViewIndex, from standing: Standing) async throws {
        let (target, purge) = (standing.databaseSeq, standing.databasePurge)
        // The first batch of a new index shows whether the functions can do with documents at all.
        let isNew = standing.seq == 0
        try await withThrowingTaskGroup(of: Step.self) { group in
            var line = Line(from: standing.seq)
            while true {
                let width = isNew && line.taken == 0 ? 1 : Self.width
                if !line.isReading, !line.isAtEnd, line.started - line.taken < width {
                    line.isReading = true
                    let since = line.read
                    group.addTask { .read(try await documents(of: index, since: since, through: target)) }
                }
                if !line.isWriting, let batch = line.nextBatch() {
                    line.isWriting = true
                    let seq = line.seq
                    group.addTask {
                        let isOurs = try await write(batch, index, from: seq, to: batch.last, purge)
                        return .written(to: batch.last, isOurs: isOurs)
                    }
                    // A place is free for another to be read.
                    continue
                }
                switch try await group.next() {
                case nil:
                    guard line.seq < target || standing.purge != purge else { return }
                    _ = try await write(MappedBatch(removing: []), index, from: line.seq, to: target, purge)
                    return
                case .read(let documents):
                    line.isReading = false
                    guard let last = documents.last else {
                        line.isAtEnd = true
                        continue
                    }
                    let place = line.started
                    (line.read, line.started) = (last.seq, place + 1)
                    group.addTask { .mapped(place: place, try await map(documents, index)) }
                case .mapped(let place, let stretch): line.waiting[place] = stretch
                case .written(let seq, let isOurs):
                    guard isOurs else { return group.cancelAll() }
                    (line.seq, line.isWriting) = (seq, false)
                }
            }
        }
    }

    private func documents(of index: ViewIndex, since: Int, through: Int) async throws -> [IndexableDocument] {
        guard since < through else { return [] }
        return try await store.indexableDocuments(
            in: index.database,
            since: since,
            through: through,
            limit: Self.batchSize,
            scope: index.definition.scope
        )
    }

    @concurrent private func map(_ documents: [IndexableDocument], _ index: ViewIndex) async throws -> MappedStretch {
        let outcomes = try await index.definition.mapper.map(documents.filter { !$0.isDeleted })
        return MappedStretch(documents, outcomes, of: index)
    }

    /// Whether the index was where it was expected, and is now at `to`.
    private func write(
        _ batch: MappedBatch,
        _ index: ViewIndex,
        from: Int,
        to: Int,
        _ purge: Int
    ) async throws -> Bool {
        for failure in batch.failures.prefix(20) {
            logger.warning(
                "A view skips a document",
                metadata: [
                    "database": "\(index.database.name)", "document": "\(failure.id)", "reason": "\(failure.reason)",
                ]
            )
        }
        let rows = try await client.query(batch.apply(to: index, from: from, to: to, purge: purge))
        return try rows.first?.decode(Bool.self) ?? false
    }
}
