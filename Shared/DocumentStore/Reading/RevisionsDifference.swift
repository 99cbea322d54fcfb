package import CouchProtocol

extension DocumentStore {
    /// Those of the revisions that the database does not have, by document in the order asked (`_revs_diff`).
    ///
    /// A document of which the caller may read no leaf is answered as if it did not exist, and so are branches that the
    /// caller may not read, so that nobody learns from the answer which ids and revisions there are.
    package func revisionsDifference(
        _ asked: [DocumentRevisions],
        in database: Database,
        for caller: Caller
    ) async throws -> [MissingRevisions] {
        let views = try await views(of: asked.map(\.id), in: database, for: caller)
        return asked.compactMap { document in
            let tree = views[document.id]?.tree
            let missing = tree?.missing(of: document.revisions) ?? document.revisions
            guard !missing.isEmpty else { return nil }
            return MissingRevisions(
                id: document.id,
                missing: missing,
                possibleAncestors: tree?.possibleAncestors(of: missing) ?? []
            )
        }
    }
}
