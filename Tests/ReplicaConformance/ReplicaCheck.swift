package import CouchProtocol
import Testing

/// One thing that every replica must do, whatever it stands on.
///
/// A check gets an empty replica of its own. The documents that it writes are untagged and belong to whoever runs it.
package struct ReplicaCheck: Sendable, CustomTestStringConvertible {
    /// What is checked, as a sentence.
    package let name: String
    /// Fails the test that runs it when the replica does something else.
    package let run: @Sendable (any Replica) async throws -> Void

    package var testDescription: String { name }

    /// All checks.
    package static let all = information + changes + differences + transfers + attachments + localDocuments
}

/// A document made elsewhere, its ancestry newest first.
func document(
    _ id: String,
    _ start: Int,
    _ hashes: [String],
    deleted: Bool = false,
    body: String = "{}"
) -> ReplicatedDocument {
    ReplicatedDocument(
        id: DocumentID(stored: id),
        path: RevisionPath(start: start, hashes: hashes.map(hash)),
        isDeleted: deleted,
        body: Array(body.utf8)
    )
}

/// A hash that is easy to tell apart: 32 digits that begin with a name's bytes.
func hash(_ name: String) -> RevisionHash {
    RevisionHash(digest: Array(name.utf8) + [UInt8](repeating: 0, count: 16))
}

/// A revision by its generation and the name of its hash.
func revision(_ generation: Int, _ name: String) -> RevisionID {
    RevisionID(generation: generation, hash: hash(name))
}

extension Replica {
    /// Writes documents none of which may be refused.
    func mustWrite(_ documents: ReplicatedDocument...) async throws {
        #expect(try await write(documents) == [])
    }

    /// All rows behind a place, read page by page.
    func allChanges(pageSize: Int = 500, filter: ReplicationFilter = .none) async throws -> [ChangeRow] {
        var rows: [ChangeRow] = []
        var request = ChangesRequest(limit: pageSize, filter: filter)
        while true {
            let page = try await changes(request)
            rows += page.rows
            guard !page.rows.isEmpty else { return rows }
            request.since = page.lastSequence
        }
    }

    /// The document at a revision, which must be there.
    func mustFetch(_ id: String, _ revision: RevisionID, since: [RevisionID] = []) async throws -> ReplicatedDocument {
        let request = FetchRequest(id: DocumentID(stored: id), revision: revision, attachmentsSince: since)
        let outcomes = try await fetch([request])
        guard case .document(let document)? = outcomes.first, outcomes.count == 1 else {
            throw CouchError.notFound("\(id) \(revision): \(outcomes)")
        }
        return document
    }
}
