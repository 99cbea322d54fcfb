import CouchProtocol
import Postgres

/// A `_local` document: never replicated, and each user's own.
package struct StoredLocalDocument: Sendable {
    /// The id behind `_local/`.
    package let name: String
    /// Whose it is; empty for administrators.
    package let owner: String
    /// The second half of its revision `0-<n>`.
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
            SELECT id, owner, revision, body FROM local_documents
            WHERE database = \(database.id) AND owner = \(caller.localOwner) AND id = \(id)
            """
        )
        return try rows.first.map(Self.localDocument)
    }

    /// Writes the caller's `_local` document of that id.
    ///
    /// As in CouchDB the last writer wins: whatever revision the writer names, the new one is the next.
    ///
    /// - Parameter after: The revision that the writer names; 0 for none.
    /// - Returns: Its new revision.
    /// - Throws: `forbidden` when the caller is nobody or has too many of them.
    package func writeLocalDocument(
        _ id: String,
        body: [UInt8],
        after: Int,
        in database: Database,
        for caller: Caller
    ) async throws -> Int {
        guard caller != .anonymous else { throw AccessRules.refused }
        let revision = Int32(clamping: after == .max ? after : after + 1)
        let query: PostgresQuery = """
            INSERT INTO local_documents (database, owner, id, revision, body)
            SELECT \(database.id), \(caller.localOwner), \(id), \(revision), \(body)
            WHERE \(caller.feeds == nil) OR EXISTS (
                SELECT FROM local_documents
                WHERE database = \(database.id) AND owner = \(caller.localOwner) AND id = \(id)
            ) OR (
                SELECT count(*) FROM local_documents
                WHERE database = \(database.id) AND owner = \(caller.localOwner)
            ) < \(Int64(limits.localDocuments))
            ON CONFLICT (database, owner, id) DO UPDATE SET revision = excluded.revision, body = excluded.body
            """
        do {
            guard try await client.execute(query) == 1 else { throw tooManyLocalDocuments }
        } catch let error as PostgresError where error.sqlState == .foreignKeyViolation {
            throw CouchError.noDatabase
        }
        return Int(revision)
    }

    private var tooManyLocalDocuments: CouchError {
        .forbidden("You have \(limits.localDocuments) local documents, the most that are kept.")
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

    /// A page of the `_local` documents in that range of ids (with the `_local/`): a user's own, all of them for an
    /// administrator.
    package func localDocuments(
        in range: DocumentRange,
        of database: Database,
        for caller: Caller
    ) async throws -> [StoredLocalDocument] {
        guard caller != .anonymous else { return [] }
        let owner: PostgresQuery = caller.feeds == nil ? "true" : "owner = \(caller.localOwner)"
        let order = range.isDescending ? "DESC" : ""
        let rows = try await client.query(
            """
            SELECT name, owner, revision, body FROM (
                SELECT '_local/' || id AS id, id AS name, owner, revision, body, false AS deleted
                FROM local_documents WHERE database = \(database.id) AND \(fragment: owner)
            ) AS documents
            WHERE \(fragment: range.condition)
            ORDER BY id COLLATE "C" \(unescaped: order), owner OFFSET \(Int64(range.skip)) LIMIT \(Int64(range.limit))
            """
        )
        return try rows.map(Self.localDocument)
    }

    private static func localDocument(_ row: PostgresRow) throws -> StoredLocalDocument {
        let (name, owner, revision, body) = try row.decode(String.self, String.self, Int32.self, [UInt8].self)
        return StoredLocalDocument(name: name, owner: owner, revision: Int(revision), body: body)
    }
}
