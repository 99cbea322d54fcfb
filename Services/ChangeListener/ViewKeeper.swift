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
                if place != kept { try await keep(database) }
                kept = place
                guard await signal.next() != nil else { return }
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

    private func keep(_ database: Database) async throws {
        for views in try await catalogue.all(in: database) {
            try await keep(views.index, reducers: views.reducers, of: database)
        }
        for index in try await queries.indexes(in: database, for: .sequence(user: nil)) {
            try await keep(index.definition, of: database)
        }
    }

    private func keep(_ definition: IndexDefinition, reducers: [Reducer?] = [], of database: Database) async throws {
        try Task.checkCancellation()
        do {
            let index = try await indexes.index(definition, in: database, reducers: reducers)
            try await indexes.refresh(index)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            // One index that cannot be built keeps no other one waiting.
            logger.warning(
                "An index could not be brought up to date",
                metadata: ["database": "\(database.name)", "index": "\(definition.names)", "error": "\(error)"]
            )
        }
    }
}
