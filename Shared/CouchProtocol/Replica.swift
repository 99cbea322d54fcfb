package import JSON

/// One side of a replication: a database of this house, of a device, or behind HTTP.
///
/// All sides wear this face, so there is one replicator and one conformance suite for all of them. Methods throw
/// ``CouchError`` for what the replica answers and ``TransportError`` when it cannot be reached.
package protocol Replica: Sendable {
    /// What the replica is called in the names of replications: the same as long as it is the same database, and
    /// without secrets.
    var identity: String { get async throws }

    /// What is known of the database as a whole.
    func info() async throws -> ReplicaInfo

    /// A page of the changes behind a place, in order.
    func changes(_ request: ChangesRequest) async throws -> ChangesPage

    /// All changes behind a place up to the present end, page by page, as one answer; the request's limit is that of
    /// each page. Nil where the replica has no such way, which is nothing but a faster one.
    func changesStream(_ request: ChangesRequest) async throws -> ChangesStream?

    /// Which of these revisions the replica does not know, and what it has that they may come from.
    func revisionsDifference(_ revisions: [DocumentRevisions]) async throws -> [MissingRevisions]

    /// Reads revisions with their ancestry and attachments: one outcome for each that it comes to.
    ///
    /// It comes to one at least, and may end when what it has read is more than ``FetchOutcome/sizeLimit``; the rest is
    /// asked for again.
    func fetch(_ requests: [FetchRequest]) async throws -> [FetchOutcome]

    /// Takes over revisions that were made elsewhere (`new_edits=false`). When it returns they are durable.
    ///
    /// - Returns: The documents that were refused; all others are written.
    func write(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure]

    /// Reads a local document; nil when there is none.
    func localDocument(_ name: String) async throws -> LocalDocument?

    /// Writes a local document over the revision that is there, which must be the one given; else it is a conflict.
    /// (CouchDB does not look. A replication reads its own document before it writes it, so nothing rests on that.)
    ///
    /// - Returns: The document's new revision.
    func putLocalDocument(_ name: String, _ document: LocalDocument) async throws -> String
}

/// What a replica says of itself.
package struct ReplicaInfo: Hashable, Sendable {
    package var documentCount: Int
    package var deletedCount: Int
    package var updateSequence: UpdateSequence
    /// Changes when the database is made anew, where the replica can tell.
    package var incarnation: String?
    /// How its documents call their tags.
    package var tagNames: TagNames

    /// What a replica says of itself.
    package init(
        documentCount: Int,
        deletedCount: Int,
        updateSequence: UpdateSequence,
        incarnation: String? = nil,
        tagNames: TagNames = TagNames()
    ) {
        self.documentCount = documentCount
        self.deletedCount = deletedCount
        self.updateSequence = updateSequence
        self.incarnation = incarnation
        self.tagNames = tagNames
    }
}

/// Which changes are asked for.
package struct ChangesRequest: Hashable, Sendable {
    package var since: UpdateSequence
    /// How many rows at most.
    package var limit: Int
    /// Whether each row names all leaves (`style=all_docs`) or the winner alone.
    package var allLeaves: Bool
    package var filter: ReplicationFilter
    /// How long to wait for a change when there is none (`feed=longpoll`); nil to answer at once.
    package var wait: Duration?
    /// How often the replica gives a sign of life meanwhile; nil for never.
    ///
    /// With one it waits until there is a change, however long that takes.
    package var heartbeat: Duration?
    /// Whether who reads from the beginning has documents of this database all the same, and is to be told of those
    /// that were lost since.
    package var readerHolds = false
    /// Whether the documents are wanted with the rows, as far as the replica likes to send them along: those that are
    /// small and have no attachments.
    package var withDocuments = false

    /// A request for all leaves behind a place.
    package init(
        since: UpdateSequence = .beginning,
        limit: Int = 500,
        allLeaves: Bool = true,
        filter: ReplicationFilter = .none,
        wait: Duration? = nil
    ) {
        self.since = since
        self.limit = limit
        self.allLeaves = allLeaves
        self.filter = filter
        self.wait = wait
    }
}

/// Some revisions of a document.
package struct DocumentRevisions: Hashable, Sendable {
    package var id: DocumentID
    package var revisions: [RevisionID]

    /// Some revisions of a document.
    package init(id: DocumentID, revisions: [RevisionID]) {
        self.id = id
        self.revisions = revisions
    }
}

/// Revisions of a document that a replica does not know.
package struct MissingRevisions: Hashable, Sendable {
    package var id: DocumentID
    package var missing: [RevisionID]
    /// What the replica has that the missing ones may come from; their attachments need not be sent again.
    package var possibleAncestors: [RevisionID]

    /// Revisions of a document that a replica does not know.
    package init(id: DocumentID, missing: [RevisionID], possibleAncestors: [RevisionID] = []) {
        self.id = id
        self.missing = missing
        self.possibleAncestors = possibleAncestors
    }
}

/// A revision to be read.
package struct FetchRequest: Hashable, Sendable {
    package var id: DocumentID
    package var revision: RevisionID
    /// Attachments that one of these revisions has already are left out (`atts_since`).
    package var attachmentsSince: [RevisionID]

    /// A revision to be read.
    package init(id: DocumentID, revision: RevisionID, attachmentsSince: [RevisionID] = []) {
        self.id = id
        self.revision = revision
        self.attachmentsSince = attachmentsSince
    }
}

/// What became of reading a revision.
package enum FetchOutcome: Hashable, Sendable {
    case document(ReplicatedDocument)
    case failure(DocumentID, RevisionID, CouchError)

    /// About how many bytes of documents are read at once; one document can be more.
    package static let sizeLimit = 16 << 20

    /// About how many bytes it is.
    package var size: Int {
        switch self {
        case .document(let document): document.size
        case .failure: 0
        }
    }

    /// The request that it answers, whatever attachments that named.
    fileprivate var request: FetchRequest {
        switch self {
        case .document(let document): FetchRequest(id: document.id, revision: document.path.revision)
        case .failure(let id, let revision, _): FetchRequest(id: id, revision: revision)
        }
    }
}

extension Replica {
    /// Reads revisions as ``fetch(_:)`` does, part by part, until there is an outcome for each.
    package func fetch(_ requests: [FetchRequest], _ take: ([FetchOutcome]) async throws -> Void) async throws {
        var rest = requests
        while !rest.isEmpty {
            try Task.checkCancellation()
            let outcomes = try await fetch(rest)
            let answered = Set(outcomes.map(\.request))
            let left = rest.filter { !answered.contains(FetchRequest(id: $0.id, revision: $0.revision)) }
            guard left.count < rest.count else { throw TransportError("revisions that were asked for are left out") }
            try await take(outcomes)
            rest = left
        }
    }
}

/// A document that a replica refused to take.
package struct WriteFailure: Hashable, Sendable {
    package var id: DocumentID
    /// The revision, when the replica said which.
    package var revision: RevisionID?
    package var error: CouchError

    /// A document that a replica refused to take.
    package init(id: DocumentID, revision: RevisionID?, error: CouchError) {
        self.id = id
        self.revision = revision
        self.error = error
    }
}

/// A document that is not replicated.
package struct LocalDocument: Hashable, Sendable {
    /// The revision, `0-N`; nil when the document is new.
    package var revision: String?
    package var body: JSONObject

    /// A document that is not replicated.
    package init(revision: String?, body: JSONObject) {
        self.revision = revision
        self.body = body
    }
}

/// A replica that cannot be reached, or breaks off: worth another try later.
package struct TransportError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What happened, without addresses that hold secrets.
    package let reason: String

    package var description: String { reason }

    /// A failure to reach a replica.
    package init(_ reason: String) {
        self.reason = reason
    }
}
