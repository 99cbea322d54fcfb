package import CouchProtocol
import Postgres

/// Names the body of one revision.
package struct BodyKey: Sendable, Hashable {
    /// The key of the document's row.
    let document: Int64
    let revision: RevisionID
}

/// What is kept of one revision.
struct StoredBody: Sendable {
    let bytes: [UInt8]
    let attachments: [StoredAttachment]

    /// The columns that ``init(_:at:)`` reads, of `bodies`.
    static let columns = "bodies.body, bodies.exact, bodies.attachments"

    /// Reads the columns from that place in the row on; nil where no body is kept.
    init?(_ row: PostgresRow, at column: Int) throws {
        guard let bytes = try row.bytes(column + 1) ?? row.bytes(column) else { return nil }
        self.bytes = bytes
        attachments = try StoredAttachment.decode(try row.bytes(column + 2))
    }

    /// The attachments of the revision that shows the body, which is another than the one that has it where it came
    /// back to a reader: then it brings its attachments anew, whatever the reader had before.
    func attachments(of revision: RevisionID, stored: RevisionID) -> [StoredAttachment] {
        revision == stored ? attachments : attachments.map { $0.renewed(at: revision.generation) }
    }
}

extension DocumentStore {
    /// Joins the body of that revision (an expression) of `documents`; NULL where it is not kept.
    ///
    /// Here and elsewhere, `LATERAL` with `LIMIT 1` says that rows are looked up one by one. The plan of a prepared
    /// statement knows neither how many are asked for nor how large the tables will be, and would read them whole.
    static func body(of revision: String) -> String {
        """
        LEFT JOIN LATERAL (
            SELECT body, exact, attachments, size FROM bodies
            WHERE bodies.document = documents.number AND bodies.rev = \(revision) LIMIT 1
        ) AS bodies ON true
        """
    }

    /// The bodies of these revisions, those that are kept.
    func bodies(_ keys: [BodyKey]) async throws -> [BodyKey: StoredBody] {
        guard !keys.isEmpty else { return [:] }
        let rows = try await client.query(
            """
            SELECT asked.place, \(unescaped: StoredBody.columns)
            FROM unnest(\(keys.map(\.document)), \(keys.map(\.revision.description)))
                WITH ORDINALITY AS asked (document, rev, place)
            CROSS JOIN LATERAL (
                SELECT body, exact, attachments FROM bodies
                WHERE bodies.document = asked.document AND bodies.rev = asked.rev LIMIT 1
            ) AS bodies
            """
        )
        var found: [BodyKey: StoredBody] = [:]
        found.reserveCapacity(rows.count)
        for row in rows {
            found[keys[Int(try row.decode(Int64.self, at: 0)) - 1]] = try StoredBody(row, at: 1)
        }
        return found
    }

    /// The revision's ancestry with what is known of each body (`_revs_info`), newest first.
    ///
    /// The tree remembers every revision it has heard of; which bodies are still there is what the table of bodies
    /// says, because compaction takes them away and leaves the trees alone.
    package func revisionsInfo(of stored: StoredRevision) async throws -> [OutgoingDocument.RevisionInfo] {
        let rows = try await client.query("SELECT rev FROM bodies WHERE document = \(stored.document)")
        let kept = Set(try rows.map { try $0.decode(String.self) })
        return (stored.tree?.ancestry(of: stored.revision) ?? []).map { node in
            let path = stored.tree?.path(to: node.id)
            let isMadeUp = node.isDeleted && path.map(Revocation.isOurs) ?? false
            let isKept = isMadeUp || kept.contains((path?.stored ?? node.id).description)
            return OutgoingDocument.RevisionInfo(
                revision: node.id,
                status: isKept ? (node.isDeleted ? "deleted" : "available") : "missing"
            )
        }
    }
}
