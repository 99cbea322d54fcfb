package import CouchProtocol

extension DocumentStore {
    /// Those of the revisions that the database does not have, by document (`_revs_diff`).
    ///
    /// A document of which the caller may read no leaf is answered as if it did not exist, and so are branches that the
    /// caller may not read, so that nobody learns from the answer which ids and revisions there are.
    package func revisionsDifference(
        _ asked: [DocumentID: [RevisionID]],
        in database: Database,
        for caller: Caller
    ) async throws -> [MissingRevisions] {
        let histories = try await histories(of: Array(asked.keys), in: database, for: caller)
        let rules = AccessRules(database.settings)
        var result: [MissingRevisions] = []
        for (id, revisions) in asked {
            let tree = histories[id].flatMap { rules.view($0.tree, for: caller, losses: $0.ownLosses) }
            let missing = tree?.missing(of: revisions) ?? revisions
            guard !missing.isEmpty else { continue }
            result.append(
                MissingRevisions(
                    id: id,
                    missing: missing,
                    possibleAncestors: tree?.possibleAncestors(of: missing) ?? []
                )
            )
        }
        return result
    }
}
