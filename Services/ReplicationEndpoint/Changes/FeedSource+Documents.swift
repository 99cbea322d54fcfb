import Collation
import CouchProtocol
import DocumentStore
import JSON

// Documents: for selectors, and to come with the rows.
extension FeedSource {
    /// Reads the documents of a stretch, takes out what the selector does not let through, and adds the documents where
    /// they were asked for.
    ///
    /// - Returns: What was read for that.
    func addDocuments(to stretch: inout Stretch, for caller: Caller) async throws -> BytesRead {
        let needsLeaves = request.filter.needsDocument && request.allLeaves
        stretch = try await fitting(stretch, needsLeaves: needsLeaves)
        var asked: [RevisionRequest] = []
        for row in stretch.rows {
            for revision in needsLeaves ? row.revisions[...] : row.revisions.prefix(1) {
                asked.append(RevisionRequest(id: row.id, revision: revision))
            }
        }
        let found = try await store.fetch(asked, from: database, for: caller)
        let passing = try await passing(asked, found)
        stretch.rows = try stretch.rows.compactMap { row in
            let winner = found[RevisionRequest(id: row.id, revision: row.revisions[0])]
            guard var row = filtered(row, winner, passing) else { return nil }
            if request.content.documents { row.document = try document(winner, for: caller) }
            return row
        }
        return BytesRead(sum: found.values.reduce(0) { $0 + $1.body.count }, documents: found.count)
    }

    /// The first rows, as many as may be in memory with their documents.
    func fitting(_ stretch: Stretch, needsLeaves: Bool) async throws -> Stretch {
        let requests = stretch.rows.map {
            // Of several leaves all that is kept of the document counts.
            RevisionRequest(id: $0.id, revision: needsLeaves && $0.revisions.count > 1 ? nil : $0.revisions[0])
        }
        let count = try await store.fitting(requests, of: database)
        return stretch.cursor.before == nil ? cut(stretch, to: count) : cutDescending(stretch, to: count)
    }

    /// Those of the revisions that the selector matches or the function lets through; nil when neither is there.
    private func passing(
        _ asked: [RevisionRequest],
        _ found: [RevisionRequest: StoredRevision]
    ) async throws -> Set<RevisionRequest>? {
        if let function {
            let kept = asked.filter { found[$0] != nil }
            let passes = try await function.passes(kept.compactMap { found[$0]?.scriptText(database) })
            return Set(zip(kept, passes).filter(\.1).map(\.0))
        }
        guard case .selector(let selector, _) = request.filter else { return nil }
        var passing: Set<RevisionRequest> = []
        var turns = WorkTurns()
        for request in asked {
            guard let leaf = found[request] else { continue }
            let document = try JSONValue(parsing: OutgoingDocument(leaf).bytes(database), limits: .unlimited)
            if selector.matches(document, collation: .unicode, work: &turns.work) { passing.insert(request) }
            try await turns.next()
        }
        return passing
    }

    /// The row with the revisions that the filter lets through; nil when there is none.
    private func filtered(
        _ row: FeedRow,
        _ winner: StoredRevision?,
        _ passing: Set<RevisionRequest>?
    ) -> FeedRow? {
        guard let passing else { return row }
        // What tells a reader that a document is not the reader's any more says nothing of the document, and a device
        // that has it must hear of it, whatever it selects by.
        if row.isDeleted, isRevocation(row.revisions[0], winner) { return row }
        var row = row
        let revisions = request.allLeaves ? row.revisions : Array(row.revisions.prefix(1))
        row.revisions = revisions.filter { passing.contains(RevisionRequest(id: row.id, revision: $0)) }
        return row.revisions.isEmpty ? nil : row
    }

    private func isRevocation(_ revision: RevisionID, _ found: StoredRevision?) -> Bool {
        guard let path = found?.tree?.path(to: revision) else { return false }
        return Revocation.isOurs(path)
    }

    private func document(_ found: StoredRevision?, for caller: Caller) throws -> FeedRow.Document {
        guard let found else { return .missing }
        var document = OutgoingDocument(found)
        if request.content.conflicts { document.conflicts = found.tree?.conflicts ?? [] }
        let options = AttachmentOptions(
            sendsContents: request.content.attachments,
            showsEncoding: request.content.attachmentEncoding
        )
        document.attachments = options.outgoing(found, as: .inline)
        let attached = AttachedDocument(document: document, attachments: found.attachments)
        guard case .selector(_, let fields?) = request.filter else {
            return attached.hasContents ? .attached(attached) : .json(document.bytes(database))
        }
        // Of a document that is cut to some of its members, attachments are only described.
        document.attachments = found.attachments.map { $0.outgoing(showsEncoding: options.showsEncoding) }
        let whole = try JSONValue(parsing: document.bytes(database), limits: .unlimited)
        return .json(fields.apply(to: whole).bytes)
    }
}
