package import CouchProtocol

/// What a database lacks of a document's revisions.
package struct MissingRevisions: Sendable, Hashable {
    package let missing: [RevisionID]
    /// Leaves from which the missing ones may have come.
    package let possibleAncestors: [RevisionID]
}

extension DocumentStore {
    /// Those of the revisions that the database does not have, by document (`_revs_diff`).
    ///
    /// A document of which the caller may read no leaf is answered as if it did not exist, so that nobody learns from
    /// the answer which ids and revisions there are.
    package func revisionsDifference(
        _ asked: [DocumentID: [RevisionID]],
        in database: Database,
        for caller: Caller
    ) async throws -> [DocumentID: MissingRevisions] {
        let trees = try await trees(of: Array(asked.keys), in: database)
        let rules = AccessRules(database.settings)
        var result: [DocumentID: MissingRevisions] = [:]
        for (id, revisions) in asked {
            let tree = trees[id].flatMap { tree in
                tree.leaves.contains { rules.mayRead($0.payload ?? .none, caller) } ? tree : nil
            }
            let missing = tree?.missing(of: revisions) ?? revisions
            guard !missing.isEmpty else { continue }
            result[id] = MissingRevisions(
                missing: missing,
                possibleAncestors: tree?.possibleAncestors(of: missing) ?? []
            )
        }
        return result
    }
}
