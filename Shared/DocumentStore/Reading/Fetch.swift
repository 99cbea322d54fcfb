package import CouchProtocol

extension DocumentStore {
    /// The revisions asked for that the caller may read and that are kept, by request.
    ///
    /// Where no revision is named it is the document as the caller sees it: the winner of the leaves that the caller
    /// may read. A revision that may not be read is absent, exactly as one that does not exist.
    package func fetch(
        _ requests: [RevisionRequest],
        from database: Database,
        for caller: Caller,
        withHistory: Bool = true
    ) async throws -> [RevisionRequest: StoredRevision] {
        let opened = try await openRevisions(
            requests.map { OpenRequest(id: $0.id, $0.revision.map { .revisions([$0]) } ?? .winner) },
            from: database,
            for: caller,
            withHistory: withHistory
        )
        var found: [RevisionRequest: StoredRevision] = [:]
        for (request, revisions) in zip(requests, opened) { found[request] = revisions.first?.found }
        return found
    }

    /// The document as the caller sees it: the winner of the leaves that the caller may read.
    ///
    /// - Returns: Nil when there is none; a tombstone when it is deleted.
    package func document(_ id: DocumentID, in database: Database, for caller: Caller) async throws -> StoredRevision? {
        let request = RevisionRequest(id: id)
        return try await fetch([request], from: database, for: caller)[request]
    }
}
