import CouchProtocol
import Postgres

/// A `_local` document: never replicated, and each user's own.
package struct StoredLocalDocument: Sendable {
    /// The number of writes, which is the second half of its revision `0-<n>`.
    package let revision: Int
    /// The text of a JSON object without `_id` and `_rev`.
    package let body: [UInt8]
}

extension DocumentStore {
    /// The caller's `_local` document of that id (without the `_local/`); nil when there is none.
    package func localDocument(
        _ id: String,
        in database: Database,
        for caller: Caller
    ) async throws -> StoredLocalDocument? {
        guard caller != .anonymous else { return nil }
        let rows = try await client.query(
            """
            SELECT revision, body FROM local_documents
            WHERE database = \(database.id) AND owner = \(caller.localOwner) AND id = \(id)
            """
        )
        return try rows.first.map { row in
            let (revision, body) = try row.decode(Int32.self, [UInt8].self)
            return StoredLocalDocument(revision: Int(revision), body: body)
        }
    }

    /// Writes the caller's `_local` document of that id.
    ///
    /// - Parameter after: The revision that it replaces; nil where the writer does not care, as CouchDB allows.
    /// - Returns: Its new revision.
    /// - Throws: `conflict` when it has another revision, `forbidden` when the caller is nobody.
    package func writeLocalDocument(
        _ id: String,
        body: [UInt8],
        after: Int?,
        in database: Database,
        for caller: Caller
    ) async throws -> Int {
        guard caller != .anonymous else { throw AccessRules.refused }
        let expected = after.map { Int32(clamping: $0) }
        let rows = try await client.query(
            """
            INSERT INTO local_documents AS known (database, owner, id, revision, body)
            VALUES (\(database.id), \(caller.localOwner), \(id), 1, \(body))
            ON CONFLICT (database, owner, id) DO UPDATE
            SET revision = known.revision + 1, body = excluded.body
            WHERE known.revision = coalesce(\(expected), known.revision)
            RETURNING revision
            """
        )
        guard let row = rows.first else { throw CouchError.conflict }
        return Int(try row.decode(Int32.self, at: 0))
    }

    /// Deletes the caller's `_local` document of that id.
    ///
    /// - Throws: `not_found` when there is none.
    package func deleteLocalDocument(_ id: String, in database: Database, for caller: Caller) async throws {
        guard caller != .anonymous else { throw AccessRules.refused }
        let changed = try await client.execute(
            """
            DELETE FROM local_documents
            WHERE database = \(database.id) AND owner = \(caller.localOwner) AND id = \(id)
            """
        )
        guard changed == 1 else { throw CouchError.missing }
    }
}
