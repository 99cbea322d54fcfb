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
        var retries = IndexRetries()
        while !Task.isCancelled {
            do {
                let database = try await indexes.store.database(name)
                let info = try await indexes.store.info(database)
                let place = Place(incarnation: database.incarnation, seq: info.updateSeq, purgeSeq: info.purgeSeq)
                let isKept = try await keep(database, hasMoved: place != kept, &retries)
                kept = isKept ? place : nil
                // An index that somebody else brings up to date is looked at again: its blocks may be left to be made.
                // A signal comes every second at the latest, and with it the time to try a failed one again.
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

    /// Whether all indexes are up to date now, as far as they can be; those that failed are tried again in their time.
    ///
    /// - Parameter hasMoved: Whether there may be something to do for an index that has not failed.
    private func keep(_ database: Database, hasMoved: Bool, _ retries: inout IndexRetries) async throws -> Bool {
        guard hasMoved || retries.isAnyDue(at: .now) else { return true }
        var isKept = true
        var present: Set<IndexRetries.Key> = []
        func keep(_ definition: IndexDefinition, reducers: [Reducer?] = []) async throws {
            let key = IndexRetries.Key(incarnation: database.incarnation, signature: definition.signature)
            present.insert(key)
            guard retries.isDue(key, at: .now) ?? hasMoved else { return }
            switch try await self.keep(definition, reducers: reducers, of: database) {
            case .kept: retries.succeeded(key)
            case .inOtherHands: isKept = false
            case .failed: retries.failed(key, at: .now)
            }
        }
        for views in try await catalogue.all(in: database) {
            try await keep(views.index, reducers: views.reducers)
        }
        for index in try await queries.indexes(in: database, for: .sequence(user: nil)) {
            try await keep(index.definition)
        }
        retries.forget(allBut: present)
        return isKept
    }

    private enum Outcome {
        case kept
        /// Another process is bringing the index up to date.
        case inOtherHands
        case failed
    }

    private func keep(
        _ definition: IndexDefinition,
        reducers: [Reducer?],
        of database: Database
    ) async throws -> Outcome {
        try Task.checkCancellation()
        do {
            let index = try await indexes.index(definition, in: database, reducers: reducers)
            return try await indexes.refresh(index) ? .kept : .inOtherHands
        } catch {
            // What a cancelled task hears of the database or of a script has many names.
            try Task.checkCancellation()
            // One index that cannot be built keeps no other one waiting.
            logger.warning(
                "An index could not be brought up to date",
                metadata: ["database": "\(database.name)", "index": "\(definition.names)", "error": "\(error)"]
            )
            return .failed
        }
    }
}
