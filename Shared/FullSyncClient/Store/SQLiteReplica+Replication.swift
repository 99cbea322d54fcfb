package import CouchProtocol
import Foundation
import GRDB
import JSON

extension SQLiteReplica {
    package func revisionsDifference(_ revisions: [DocumentRevisions]) async throws -> [MissingRevisions] {
        try await read { reader in
            try revisions.compactMap { asked in
                guard let tree = try reader.document(asked.id)?.tree else {
                    return asked.revisions.isEmpty ? nil : MissingRevisions(id: asked.id, missing: asked.revisions)
                }
                let missing = tree.missing(of: asked.revisions)
                guard !missing.isEmpty else { return nil }
                return MissingRevisions(
                    id: asked.id,
                    missing: missing,
                    possibleAncestors: tree.possibleAncestors(of: missing)
                )
            }
        }
    }

    package func fetch(_ requests: [CouchProtocol.FetchRequest]) async throws -> [FetchOutcome] {
        try await read { [self] reader in
            var (outcomes, size): ([FetchOutcome], Int) = ([], 0)
            for request in requests where size < FetchOutcome.sizeLimit {
                let outcome = try reader.outcome(of: request) { source(of: $0) }
                outcomes.append(outcome)
                size += outcome.size
            }
            return outcomes
        }
    }

    package func write(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure] {
        // A document whose contents are still to come is written when they have, before those of the next one: so what
        // ends in between has not brought them in vain. All that came of one document is written at once.
        let inPieces = Set(documents.filter { $0.attachments.contains { $0.source != nil } }.map(\.id))
        var failures: [WriteFailure] = []
        let others = documents.filter { !inPieces.contains($0.id) }
        if !others.isEmpty { failures += try await write(others, [:]) }
        // A server that fails with one content may give those of other documents.
        var passing: [CouchError] = []
        for id in inPieces where passing.count < Self.passingLimit {
            do {
                failures += try await writeInPieces(documents.filter { $0.id == id })
            } catch let error as CouchError where error.mayBeOfOneContent {
                try Task.checkCancellation()
                passing.append(error)
            }
        }
        if let error = passing.first { throw error }
        return failures
    }

    /// With how many documents a server may fail before the others wait for the next attempt: it may not be well.
    private static let passingLimit = 16

    private func writeInPieces(_ revisions: [ReplicatedDocument]) async throws -> [WriteFailure] {
        do {
            return try await writeInPieces(revisions, all: false)
        } catch is ReplacedAttachment {
            // An edit, or one of these that follows what was here, has taken away what another one has in common with
            // that.
            return try await writeInPieces(revisions, all: true)
        }
    }

    /// Writes revisions of one document with the contents of their attachments.
    ///
    /// - Parameter all: Whether those are taken in, too, that the document has here already.
    private func writeInPieces(_ revisions: [ReplicatedDocument], all: Bool) async throws -> [WriteFailure] {
        let (arrivals, refused) = try await arrivals(of: revisions, all: all)
        let rest = revisions.filter { revision in !refused.contains { $0.revision == revision.path.revision } }
        return refused + (try await adopting(arrivals) { try await write(rest, arrivals) })
    }

    private func write(
        _ documents: [ReplicatedDocument],
        _ arrivals: [AttachmentSource: Arrival]
    ) async throws -> [WriteFailure] {
        try await transaction { writer in
            writer.arrivals = arrivals
            var (failures, taken): ([WriteFailure], [ReplicatedDocument]) = ([], [])
            for document in documents {
                do {
                    // What fails after its attachments were stored would leave these behind.
                    let isNew =
                        document.attachments.isEmpty
                        ? try writer.take(document) : try writer.step { try $0.take(document) }
                    if isNew { taken.append(document) }
                } catch let error as CouchError {
                    failures.append(WriteFailure(id: document.id, revision: document.path.revision, error: error))
                }
            }
            try writer.finishRevocations(taken)
            return failures
        }
    }

    package func localDocument(_ name: String) async throws -> LocalDocument? {
        try await read { reader in
            try reader.localDocument(name).map { LocalDocument(revision: "0-\($0.revision)", body: $0.body) }
        }
    }

    package func putLocalDocument(_ name: String, _ document: LocalDocument) async throws -> String {
        try await StoreFailure.translating {
            try await pool.writeWithoutTransaction { db in try Self.putDurably(name, document, in: db) }
        }
    }

    /// Writes a local document, which is a checkpoint most of the time.
    private static func putDurably(_ name: String, _ document: LocalDocument, in db: Database) throws -> String {
        // The transaction that writes it is on the disk when it ends, and with it all that came before.
        try db.execute(sql: "PRAGMA synchronous = FULL")
        defer { try? db.execute(sql: "PRAGMA synchronous = NORMAL") }
        var written = ""
        try db.inTransaction(.immediate) {
            written = try put(name, document, in: db)
            return .commit
        }
        return written
    }

    /// Writes a local document within a transaction.
    static func put(_ name: String, _ document: LocalDocument, in db: Database) throws -> String {
        let present = try StoreReader(db: db, vault: .open).localDocument(name)
        guard present.map({ "0-\($0.revision)" }) == document.revision else { throw CouchError.conflict }
        let next = (present?.revision ?? 0) + 1
        let statement = try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO local_documents (name, revision, body) VALUES (?, ?, ?)"
        )
        try statement.execute(arguments: [name, next, Data(JSONValue.object(document.body).bytes)])
        return "0-\(next)"
    }
}

extension StoreReader {
    fileprivate func outcome(
        of request: CouchProtocol.FetchRequest,
        source: (StoredAttachment) -> AttachmentSource?
    ) throws -> FetchOutcome {
        guard let tree = try document(request.id)?.tree, let node = tree[request.revision],
            let path = tree.path(to: request.revision)
        else { return .failure(request.id, request.revision, .missing) }
        // An attachment that came no later than a revision that the reader has is with the reader already.
        let known = path.newest(of: Set(request.attachmentsSince))?.generation
        guard let document = try replicated(request.id, node, path: path, known: known, source: source) else {
            return .failure(request.id, request.revision, .missing)
        }
        return .document(document)
    }
}
