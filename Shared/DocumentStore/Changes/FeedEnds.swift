package import CouchProtocol
import Postgres

extension DocumentStore {
    /// The numbers of the last changes of these databases; those that are not there are absent.
    package func ends(ofDatabases names: [String]) async throws -> [String: Int] {
        let rows = try await client.query(
            "SELECT name, seq FROM databases JOIN counters ON database = id WHERE name = ANY(\(names))"
        )
        var ends: [String: Int] = [:]
        for row in rows {
            let (name, seq) = try row.decode(String.self, Int64.self)
            ends[name] = Int(seq)
        }
        return ends
    }

    /// The numbers of the last changes of these documents of a database.
    package func ends(of documents: [DocumentID], inDatabase name: String) async throws -> [DocumentID: Int] {
        let rows = try await client.query(
            """
            SELECT found.id, found.seq FROM unnest(\(documents.map(\.text))) AS asked (id) CROSS JOIN LATERAL (
                SELECT id, seq FROM documents
                WHERE documents.database = (SELECT id FROM databases WHERE databases.name = \(name))
                    AND documents.id = asked.id
                LIMIT 1
            ) AS found
            """
        )
        var ends: [DocumentID: Int] = [:]
        for row in rows {
            let (id, seq) = try row.decode(String.self, Int64.self)
            ends[DocumentID(stored: id)] = Int(seq)
        }
        return ends
    }

    /// The last number in each of these feeds of a database, of what came and of what left; from an index alone.
    package func ends(of feeds: [Feed], inDatabase name: String) async throws -> [Feed: Int] {
        let rows = try await client.query(
            """
            SELECT asked.place, (SELECT max(seq) FROM feed_entries WHERE feed_entries.feed = found.id AND seq > 0)
            FROM unnest(\(feeds.map(\.kind)), \(feeds.map(\.name))) WITH ORDINALITY AS asked (kind, name, place)
            CROSS JOIN LATERAL (
                SELECT id FROM feeds
                WHERE feeds.database = (SELECT id FROM databases WHERE databases.name = \(name))
                    AND feeds.kind = asked.kind AND feeds.name = asked.name
                LIMIT 1
            ) AS found
            """
        )
        var ends: [Feed: Int] = [:]
        for row in rows {
            let (place, seq) = try row.decode(Int64.self, Int64?.self)
            if let seq { ends[feeds[Int(place) - 1]] = Int(seq) }
        }
        return ends
    }
}
