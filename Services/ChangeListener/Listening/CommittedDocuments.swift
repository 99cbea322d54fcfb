import CouchProtocol
import DocumentStore
import JSON

/// Reads the documents of committed changes as a listener's sequence gets them: with their tags, their conflicts, and
/// stubs of their attachments.
struct CommittedDocuments: Sendable {
    let store: DocumentStore
    let database: Database

    private static let caller = Caller.sequence(user: nil)
    /// How many ancestors of a tombstone are asked for its last content: devices push several changes as one.
    private static let ancestors = 20

    /// How many of the changes fit into memory with their documents, from the first on; at least one, if there is one.
    func fitting(_ changes: [CommittedChange]) async throws -> Int {
        let requests = try changes.map { change in
            // Of a document that was deleted an earlier content is read: all that is kept of it counts.
            RevisionRequest(
                id: change.id,
                revision: change.isDeleted ? nil : try RevisionID(parsing: change.revision)
            )
        }
        return try await store.fitting(requests, of: database)
    }

    /// The documents as they were committed; for a deletion, the last content before it.
    ///
    /// A change of a document that was purged since is left out.
    func documents(of changes: [CommittedChange]) async throws -> [MatchedChange] {
        let requests = try changes.map { change in
            RevisionRequest(id: change.id, revision: try RevisionID(parsing: change.revision))
        }
        let found = try await committed(requests)
        let before = try await lastContents(of: changes, requests, found)
        return try zip(changes, requests).compactMap { change, request in
            guard let committed = found[request] else { return nil }
            let content = before[request] ?? committed
            return MatchedChange(change: change, document: try document(change, committed, content: content))
        }
    }

    /// The revisions as they were committed; where one is older than a document's history reaches, which a listener
    /// that is far behind can meet, the document as it is now.
    private func committed(_ requests: [RevisionRequest]) async throws -> [RevisionRequest: StoredRevision] {
        var found = try await store.fetch(requests, from: database, for: Self.caller)
        let lost = requests.filter { found[$0] == nil }
        guard !lost.isEmpty else { return found }
        let present = try await store.fetch(
            lost.map { RevisionRequest(id: $0.id) },
            from: database,
            for: Self.caller
        )
        for request in lost { found[request] = present[RevisionRequest(id: request.id)] }
        return found
    }

    /// For each deletion the newest revision before it whose content is kept.
    private func lastContents(
        of changes: [CommittedChange],
        _ requests: [RevisionRequest],
        _ found: [RevisionRequest: StoredRevision]
    ) async throws -> [RevisionRequest: StoredRevision] {
        var ancestors: [RevisionRequest: ArraySlice<RevisionID>] = [:]
        for (change, request) in zip(changes, requests) where change.isDeleted {
            guard let committed = found[request] else { continue }
            let tombstone = try change.ending.map(RevisionID.init(parsing:)) ?? committed.revision
            guard let path = committed.tree?.path(to: tombstone) else { continue }
            let before = path.revisions.dropFirst().prefix(Self.ancestors)
            if !before.isEmpty { ancestors[request] = before }
        }
        var contents: [RevisionRequest: StoredRevision] = [:]
        // A generation at a time: nearly always the first has the content.
        while !ancestors.isEmpty {
            let asked = ancestors.compactMapValues { path in path.first }.map { request, revision in
                (request, RevisionRequest(id: request.id, revision: revision))
            }
            let kept = try await store.fetch(asked.map(\.1), from: database, for: Self.caller, withHistory: false)
            for (request, ancestor) in asked {
                let content = kept[ancestor].flatMap { $0.isDeleted ? nil : $0 }
                let rest = ancestors[request]?.dropFirst() ?? []
                contents[request] = content
                ancestors[request] = content == nil && !rest.isEmpty ? rest : nil
            }
        }
        return contents
    }

    private func document(
        _ change: CommittedChange,
        _ committed: StoredRevision,
        content: StoredRevision
    ) throws -> JSONObject {
        var document = OutgoingDocument(content)
        document.revision = committed.revision
        document.isDeleted = committed.isDeleted
        // A tombstone has the tags of what it ended.
        let tags = change.ending == nil ? change.tags : content.tags
        (document.owner, document.groups) = (tags.owner, tags.groups)
        document.conflicts = committed.tree?.conflicts.filter { $0 != committed.revision } ?? []
        var bytes: [UInt8] = []
        document.write(to: &bytes, rules: database.documentRules)
        return try JSONValue(parsing: bytes, limits: .unlimited).objectValue ?? [:]
    }
}
