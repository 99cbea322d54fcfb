import DocumentStore
import Logging
import ViewIndexes

/// Brings the indexes of a database's design documents up to date as changes are committed, so that queries find little
/// left to do.
///
/// Any number of change listeners may do so at once: an index lets one in at a time.
struct ViewKeeper: Sendable {
    let indexes: ViewIndexes
    let catalogue: ViewCatalogue
    let queries: QueryCatalogue
    let signals: CommitSignals
    let logger: Logger

    static let name = "views"
    /// How long changes are gathered: an index that is brought up to date for each of them competes with queries.
    private static let lag = Duration.milliseconds(250)
    /// How long it waits after a failure.
    private static let pause = Duration.seconds(1)

    /// Keeps the indexes of a database until the task is cancelled.
    func run(_ name: String) async {
        var signal = signals.signals(of: name).makeAsyncIterator()
        var kept: Place?
        while !Task.isCancelled {
            do {
                let database = try await indexes.store.database(name)
                let info = try await indexes.store.info(database)
                let place = Place(incarnation: database.incarnation, seq: info.updateSeq, purgeSeq: info.purgeSeq)
                let isKept = place == kept ? true : try await keep(database)
                kept = isKept ? place : nil
                // An index that somebody else brings up to date is looked at again: its blocks may be left to be made.
                if isKept { guard await signal.next() != nil else { return } }
                try await Task.sleep(for: Self.lag)
            } catch is CancellationError {
                return
            } catch {
                logger.warning(
                    "The views of a database could not be kept",
                    metadata: ["database": "\(name)", "error": "\(error)"]
                )
                try? await Task.sleep(for: Self.pause)
            }
        }
    }

    /// Where a database was when its indexes were brought up to date.
    private struct Place: Hashable {
        let incarnation: String
        let seq: Int
        let purgeSeq: Int
    }

    /// Whether all indexes are up to date now, as far as they can be.
    private func keep(_ database: Database) async throws -> Bool {
        var isKept = true
        for views in try await catalogue.all(in: database) {
            isKept = try await keep(views.index, reducers: views.reducers, of: database) && isKept
        }
        for index in try await queries.indexes(in: database, for: .sequence(user: nil)) {
            isKept = try await keep(index.definition, of: database) && isKept
        }
        return isKept
    }

    /// Whether there is nothing left to do; false when another process does it.
    private func keep(
        _ definition: IndexDefinition,
        reducers: [Reducer?] = [],
        of database: Database
    ) async throws -> Bool {
        try Task.checkCancellation()
        do {
            let index = try await indexes.index(definition, in: database, reducers: reducers)
            return try await indexes.refresh(index)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            // One index that cannot be built keeps no other one waiting.
            logger.warning(
                "An index could not be brought up to date",
                metadata: ["database": "\(database.name)", "index": "\(definition.names)", "error": "\(error)"]
            )
            return true
        }
    }
}
