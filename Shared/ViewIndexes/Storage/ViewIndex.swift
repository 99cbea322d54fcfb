package import DocumentStore
import Postgres
import Synchronization

/// An index that is there.
package struct ViewIndex: Sendable {
    let id: Int64
    /// The keys of its views, by their places.
    let views: [Int64]
    package let definition: IndexDefinition
    package let database: Database
    /// How its views are reduced, by their places; nil for those that are not.
    let reducers: [Reducer?]
}

/// Finds indexes by their definitions, and remembers where they are: neither changes while an index lives.
final class IndexRegistry: Sendable {
    private struct Key: Hashable {
        let database: Int32
        let signature: [UInt8]
    }

    private struct Place {
        let id: Int64
        let views: [Int64]
    }

    /// More than this many are forgotten all at once.
    private static let capacity = 10_000

    private let client: PostgresClient
    private let known = Mutex<[Key: Place]>([:])

    init(_ client: PostgresClient) {
        self.client = client
    }

    /// The index of that definition, made where it is new.
    func index(_ definition: IndexDefinition, in database: Database, reducers: [Reducer?]) async throws -> ViewIndex {
        let key = Key(database: database.id, signature: definition.signature)
        let place: Place
        if let found = known.withLock({ $0[key] }) {
            place = found
        } else {
            place = try await make(definition, in: database)
            known.withLock { known in
                if known.count >= Self.capacity { known.removeAll() }
                known[key] = place
            }
        }
        return ViewIndex(
            id: place.id,
            views: place.views,
            definition: definition,
            database: database,
            reducers: reducers
        )
    }

    /// Forgets an index that turned out to be gone.
    func forget(_ index: ViewIndex) {
        let key = Key(database: index.database.id, signature: index.definition.signature)
        known.withLock { $0[key] = nil }
    }

    private func make(_ definition: IndexDefinition, in database: Database) async throws -> Place {
        let count = Int32(definition.names.count)
        let made = try await client.query("SELECT make_view_index(\(database.id), \(definition.signature), \(count))")
        guard let row = made.first else { throw IndexGone() }
        let id = try row.decode(Int64.self)
        let views = try await client.query("SELECT view FROM view_parts WHERE index_id = \(id) ORDER BY place")
        return Place(id: id, views: try views.map { try $0.decode(Int64.self) })
    }
}

/// An index was taken away while it was used; it can be made again.
struct IndexGone: Error {}
