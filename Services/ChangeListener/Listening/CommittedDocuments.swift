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
            let content = before[change.seq] ?? committed
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

    /// For each deletion, by its number, the newest revision before it whose content is kept.
    private func lastContents(
        of changes: [CommittedChange],
        _ requests: [RevisionRequest],
        _ found: [RevisionRequest: StoredRevision]
    ) async throws -> [Int: StoredRevision] {
        var searches: [Int: ContentSearch] = [:]
        for (change, request) in zip(changes, requests) where change.isDeleted {
            searches[change.seq] = found[request].flatMap { ContentSearch(change, in: $0, ancestors: Self.ancestors) }
        }
        var contents: [Int: StoredRevision] = [:]
        // A generation at a time: nearly always the first has the content.
        while !searches.isEmpty {
            let kept = try await store.fetch(
                Array(Set(searches.values.map(\.next))),
                from: database,
                for: Self.caller,
                withHistory: false
            )
            searches = searches.compactMapValues { search in
                guard let content = kept[search.next], search.takes(content) else { return search.further }
                contents[search.seq] = content
                return nil
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
        let tags = change.ending?.tags ?? change.tags
        (document.owner, document.groups) = (tags.owner, tags.groups)
        document.conflicts = committed.tree?.conflicts.filter { $0 != committed.revision } ?? []
        var bytes: [UInt8] = []
        document.write(to: &bytes, rules: database.documentRules)
        return try JSONValue(parsing: bytes, limits: .unlimited).objectValue ?? [:]
    }
}

/// The search for the last content of a deletion.
private struct ContentSearch {
    let seq: Int
    private let id: DocumentID
    private let tombstone: RevisionID?
    /// What is still to be looked at.
    private var revisions: ArraySlice<RevisionID>

    /// The search from the deletion's tombstone back; nil when nothing is known of before it.
    init?(_ change: CommittedChange, in committed: StoredRevision, ancestors: Int) {
        (seq, id, tombstone) = (change.seq, change.id, change.ending?.revision)
        let path = committed.tree?.path(to: tombstone ?? committed.revision)
        // Where no content of it is left, the tombstone that ended it is nearer than another branch's.
        revisions = (path?.revisions.dropFirst().prefix(ancestors) ?? []) + [tombstone].compactMap(\.self)
        guard !revisions.isEmpty else { return nil }
    }

    var next: RevisionRequest { RevisionRequest(id: id, revision: revisions.first) }

    func takes(_ content: StoredRevision) -> Bool { !content.isDeleted || content.revision == tombstone }

    /// The search without the next revision; nil at its end.
    var further: ContentSearch? {
        var rest = self
        rest.revisions.removeFirst()
        return rest.revisions.isEmpty ? nil : rest
    }
}
