import Collation
import DocumentStore
import Postgres
import ViewRules

/// Makes the blocks of a view anew that have no reduction any more.
///
/// Rows are read and reduced without a lock. What came of it is written only where nobody has changed the block's rows
/// since, under the lock that a batch of the index takes too.
struct BlockRefresh: Sendable {
    let client: PostgresClient
    let index: ViewIndex
    let view: Int64
    let reducer: Reducer
    /// How many rows are read for one step.
    let page: PageSize

    /// How many rows a block has when it is cut.
    static let size = 250
    /// With so many, a block ends where the first part of an array's key changes: so the most usual groups are made of
    /// whole blocks.
    private static let leastSize = 64
    /// The most rows of a step, and about how many bytes they may have.
    static let stepRows = 20_000
    static let stepSize = 32 << 20
    private static let blocksAtOnce = 200

    /// Makes some anew; false when there is nothing to do in the range.
    func step(in range: KeyRange) async throws -> Bool {
        let work = try await client.transaction(.snapshot) { connection in
            let blocks = try await stale(in: range, connection)
            guard !blocks.isEmpty else { return [Work]() }
            let rows = try await BlockReader.rows(
                of: blocks,
                view,
                limit: page.rows,
                bytes: page.bytes,
                from: connection
            )
            return zip(blocks, rows).map { Work(block: $0, rows: $1) }.filter { !$0.rows.isEmpty }
        }
        guard !work.isEmpty else { return false }
        var pieces: [Piece] = []
        for work in work { pieces += cut(work) }
        let rows = pieces.map(\.rows)
        let reductions = try await reducer.reduce(rows).map(\.bytes)
        try await write(work, pieces, reductions)
        return true
    }

    private struct Work: Sendable {
        let block: ViewBlock
        let rows: [ViewRow]

        /// How many rows of the block are left for the next step.
        var left: Int { block.rows - rows.count }
    }

    /// Rows that become a block.
    private struct Piece: Sendable {
        let place: RowPlace
        let rows: [ViewRow]
    }

    private func stale(in range: KeyRange, _ connection: PostgresConnection) async throws -> [ViewBlock] {
        let rows = try await connection.query(
            """
            SELECT \(unescaped: ViewBlock.columns) FROM view_blocks
            WHERE \(fragment: BlockReader.condition(view, range))
                AND reduction IS NULL AND rows > 0
            ORDER BY key, id, position LIMIT \(Int64(Self.blocksAtOnce))
            """
        )
        var blocks: [ViewBlock] = []
        var count = 0
        for row in rows {
            let block = try ViewBlock(row, nil)
            count += block.rows
            if !blocks.isEmpty, count > page.rows { break }
            blocks.append(block)
        }
        return blocks
    }

    private func cut(_ work: Work) -> [Piece] {
        var rows = work.rows[...]
        var pieces: [Piece] = []
        while !rows.isEmpty {
            let end = end(of: rows)
            let piece = Array(rows[rows.startIndex..<end])
            // Of rows whose keys are cut the first in the order of keys need not be the first in the index.
            let place = pieces.isEmpty ? work.block.place : piece.map(\.place).min() ?? work.block.place
            pieces.append(Piece(place: place, rows: piece))
            rows = rows[end...]
        }
        return pieces
    }

    private func end(of rows: ArraySlice<ViewRow>) -> Int {
        var place = rows.startIndex + 1
        while place < rows.endIndex {
            let count = place - rows.startIndex
            let (before, row) = (rows[place - 1], rows[place])
            // Rows whose keys are cut are not in the index's order and stay together.
            let isInRun = before.isCut && row.isCut && before.place.key == row.place.key
            if count >= Self.size, !isInRun { return place }
            if count >= Self.leastSize, !isInRun, startsGroup(row, before) { return place }
            place += 1
        }
        return place
    }

    private func startsGroup(_ row: ViewRow, _ before: ViewRow) -> Bool {
        let order = index.definition.order
        let length = CollationKey.length(ofFirst: 1, in: before.order, order: order)
        return !row.order.starts(with: before.order.prefix(length))
    }

    private func write(_ work: [Work], _ pieces: [Piece], _ reductions: [[UInt8]]) async throws {
        let first = Dictionary(pieces.enumerated().map { ($1.place, $0) }) { first, _ in first }
        try await client.transaction { connection in
            // Batches of the index wait meanwhile, and those before are seen.
            try await connection.execute("SELECT FROM view_indexes WHERE id = \(index.id) FOR UPDATE")
            let current = try await current(work.map(\.block), connection)
            var kept: [Int] = []
            var rests: [Work] = []
            for work in work where current.contains(work.block.place) {
                guard var place = first[work.block.place] else { continue }
                var count = 0
                while count < work.rows.count {
                    kept.append(place)
                    count += pieces[place].rows.count
                    place += 1
                }
                if work.left > 0 { rests.append(work) }
            }
            try await save(kept.map { pieces[$0] }, kept.map { reductions[$0] }, connection)
            for work in rests { try await saveRest(of: work, connection) }
        }
    }

    /// The places of those of the blocks whose rows are as they were.
    private func current(_ blocks: [ViewBlock], _ connection: PostgresConnection) async throws -> Set<RowPlace> {
        let rows = try await connection.query(
            """
            SELECT asked.key, asked.id, asked.position
            FROM unnest(
                \(blocks.map(\.place.key)), \(blocks.map(\.place.id)), \(blocks.map(\.place.position)),
                \(blocks.map(\.version))
            ) AS asked (key, id, position, version)
            CROSS JOIN LATERAL (
                SELECT FROM view_blocks
                WHERE view = \(view) AND view_blocks.key = asked.key AND view_blocks.id = asked.id
                    AND view_blocks.position = asked.position AND view_blocks.version = asked.version LIMIT 1
            ) AS found
            """
        )
        return Set(
            try rows.map { row in
                let (key, id, position) = try row.decode([UInt8].self, String.self, Int32.self)
                return RowPlace(key: key, id: id, position: position)
            }
        )
    }

    private func save(
        _ pieces: [Piece],
        _ reductions: [[UInt8]],
        _ connection: PostgresConnection
    ) async throws {
        guard !pieces.isEmpty else { return }
        try await connection.execute(
            """
            INSERT INTO view_blocks AS old
                (index_id, view, key, id, position, rows, first_key, last_key, first_json, reduction)
            SELECT \(index.id), \(view), new.* FROM unnest(
                \(pieces.map(\.place.key)), \(pieces.map(\.place.id)), \(pieces.map(\.place.position)),
                \(pieces.map { Int64($0.rows.count) }), \(pieces.map { $0.rows.first?.order ?? [] }),
                \(pieces.map { $0.rows.last?.order ?? [] }), \(pieces.map { $0.rows.first?.key ?? [] }), \(reductions)
            ) AS new
            ON CONFLICT (view, key, id, position) DO UPDATE
            SET rows = excluded.rows, version = old.version + 1, first_key = excluded.first_key,
                last_key = excluded.last_key, first_json = excluded.first_json, reduction = excluded.reduction
            """
        )
    }

    /// The rows that were not read become a block of their own, to be cut in a later step.
    private func saveRest(of work: Work, _ connection: PostgresConnection) async throws {
        guard let last = work.rows.map(\.place).max() else { return }
        try await connection.execute(
            """
            INSERT INTO view_blocks (index_id, view, key, id, position, rows)
            SELECT \(index.id), \(view), key, id, position, \(Int64(work.left)) FROM view_rows
            WHERE view = \(view) AND NOT echo
                AND (key, id, position) > (\(last.key), \(last.id), \(last.position))
            ORDER BY key, id, position LIMIT 1
            """
        )
    }
}

/// Lets one task at a time make a step of refreshing the blocks of a view: who comes meanwhile finds it done.
actor BlockRefreshes {
    private var running: [Int64: Task<Bool, any Error>] = [:]

    func step(_ view: Int64, _ body: @escaping @Sendable () async throws -> Bool) async throws -> Bool {
        while let task = running[view] { _ = await task.result }
        let task = Task { try await body() }
        running[view] = task
        defer { running[view] = nil }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }
}

extension ViewIndexes {
    /// Makes the blocks of a view anew that the range touches and whose rows have changed.
    func refreshBlocks(of view: Int64, _ index: ViewIndex, _ reducer: Reducer, in range: KeyRange) async throws {
        let refresh = BlockRefresh(
            client: store.client,
            index: index,
            view: view,
            reducer: reducer,
            page: try await page(
                of: view,
                in: index.database,
                bytes: BlockRefresh.stepSize,
                atMost: BlockRefresh.stepRows
            )
        )
        while try await refreshes.step(view, { try await refresh.step(in: range) }) { try Task.checkCancellation() }
    }

    /// Makes all blocks of an index anew whose rows have changed, so that queries need not.
    package func refreshBlocks(of index: ViewIndex) async throws {
        for (view, reducer) in zip(index.views, index.reducers) {
            guard let reducer else {
                let cut = BlockCut(client: store.client, index: index, view: view)
                while try await refreshes.step(view, { try await cut.step() }) { try Task.checkCancellation() }
                continue
            }
            try await refreshBlocks(of: view, index, reducer, in: KeyRange())
        }
    }
}
