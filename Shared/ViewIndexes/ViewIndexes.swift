package import CouchProtocol
package import DocumentStore
package import Logging
import Postgres
import ScriptHosting
import Synchronization

/// Indexes over documents, kept in PostgreSQL: rows of key and value in CouchDB's order, brought up to date by the
/// documents that changed, and read by each caller as far as the caller may read the documents.
package final class ViewIndexes: Sendable {
    package let store: DocumentStore
    let logger: Logger
    private let registry: IndexRegistry
    private let updates: IndexUpdates
    let refreshes = BlockRefreshes()
    /// Of each view the average row.
    let averageRows = RecentSizes<Int64>()
    let scriptedReads: ScriptedReads

    /// - Parameter holder: Names this process among all that bring indexes up to date.
    package init(_ store: DocumentStore, holder: String, logger: Logger) {
        self.store = store
        self.logger = logger
        registry = IndexRegistry(store.client)
        scriptedReads = ScriptedReads(limit: max(store.client.configuration.maximumConnections / 2, 1))
        updates = IndexUpdates(IndexUpdater(store: store, holder: holder, logger: logger))
    }

    /// The index of that definition, made where it is new.
    package func index(
        _ definition: IndexDefinition,
        in database: Database,
        reducers: [Reducer?] = []
    ) async throws -> ViewIndex {
        try await registry.index(definition, in: database, reducers: reducers)
    }

    /// Brings the index to the end that its database has now, as far as that is necessary.
    ///
    /// - Returns: The index as it is: another one when it was taken away in between.
    /// - Throws: `timeout` and its like when a function can do with no document, and names the function.
    package func bringUpToDate(_ index: ViewIndex) async throws -> ViewIndex {
        var index = index
        var target: (seq: Int, purgeSeq: Int)?
        while true {
            do {
                let gap = try await gap(of: index)
                // What is written from now on is not waited for.
                let goal = target ?? (gap.databaseSeq, gap.databasePurgeSeq)
                target = goal
                if gap.seq >= goal.seq, gap.purgeSeq >= goal.purgeSeq { return index }
                try await updates.update(index)
            } catch is IndexGone {
                registry.forget(index)
                index = try await self.index(index.definition, in: index.database, reducers: index.reducers)
            } catch let error as ScriptError {
                throw error.couchError
            }
        }
    }

    /// Whether the index has all that its database has now.
    package func isUpToDate(_ index: ViewIndex) async throws -> Bool {
        do {
            let gap = try await gap(of: index)
            return gap.seq >= gap.databaseSeq && gap.purgeSeq >= gap.databasePurgeSeq
        } catch is IndexGone {
            return false
        }
    }

    /// Where an index stands, and where its database does.
    private struct Gap: Sendable {
        let seq: Int
        let purgeSeq: Int
        let databaseSeq: Int
        let databasePurgeSeq: Int
    }

    private func gap(of index: ViewIndex) async throws -> Gap {
        let rows = try await store.client.query(
            """
            SELECT view_indexes.seq, view_indexes.purge_seq, counters.seq, databases.purge_seq
            FROM view_indexes JOIN databases ON databases.id = view_indexes.database
            JOIN counters ON counters.database = databases.id
            WHERE view_indexes.id = \(index.id)
            """
        )
        guard let row = rows.first else {
            // When the database is gone, so is the question.
            _ = try await store.info(index.database)
            throw IndexGone()
        }
        let (seq, purge, databaseSeq, databasePurge) =
            try row.decode(Int64.self, Int64.self, Int64.self, Int64.self)
        return Gap(
            seq: Int(seq),
            purgeSeq: Int(purge),
            databaseSeq: Int(databaseSeq),
            databasePurgeSeq: Int(databasePurge)
        )
    }

    /// Brings the index up to date, and its blocks, unless another process is bringing it up to date.
    ///
    /// Blocks are left alone then: each batch of rows would make their new reductions old again.
    ///
    /// - Returns: False when another process is doing so.
    package func refresh(_ index: ViewIndex) async throws -> Bool {
        do {
            guard try await updates.update(index) else { return false }
            try await refreshBlocks(of: index)
            return true
        } catch let error as IndexGone {
            registry.forget(index)
            throw error
        }
    }

    /// Begins to bring the index up to date and waits for nothing (`update=lazy`).
    package func refreshSoon(_ index: ViewIndex) {
        Task {
            do {
                _ = try await refresh(index)
            } catch {
                logger.warning("An index could not be brought up to date", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Up to which change and which purge the index is.
    package func standing(of index: ViewIndex) async throws -> (seq: Int, purgeSeq: Int) {
        let rows = try await store.client.query("SELECT seq, purge_seq FROM view_indexes WHERE id = \(index.id)")
        guard let row = rows.first else { throw IndexGone() }
        let (seq, purge) = try row.decode(Int64.self, Int64.self)
        return (Int(seq), Int(purge))
    }
}

extension ScriptError {
    /// What a client is told whose query needs the function.
    package var couchError: CouchError {
        switch kind {
        case .compilation: CouchError(status: 400, error: "compilation_error", reason: "\(self)")
        case .reduceOverflow: CouchError(status: 500, error: "reduce_overflow_error", reason: "\(self)")
        case .timeLimit, .deadline: CouchError(status: 500, error: "timeout", reason: "\(self)")
        case .unavailable, .cancelled: .unavailable("\(self)")
        default: CouchError(status: 500, error: "function_error", reason: "\(self)")
        }
    }
}
