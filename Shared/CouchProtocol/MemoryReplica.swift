import Synchronization

/// A database in memory, with CouchDB's semantics: a device's local store where none has to last, and the model that
/// other stores are tested against.
package actor MemoryReplica: Replica {
    /// What is kept of a revision that has a body.
    struct Revision {
        var owner: String?
        var groups: [String]
        var attachments: [ReplicatedAttachment]
        var body: [UInt8]
    }

    /// A document with all its branches.
    struct Record {
        var tree = RevisionTree<NoPayload>()
        var revisions: [RevisionID: Revision] = [:]
        /// The number of the document's newest change.
        var number = 0
    }

    package nonisolated let identity: String
    /// How many revisions each branch keeps.
    let revisionLimit: Int
    /// How many branches a document may have.
    let branchLimit: Int
    /// What is demanded of documents, and how their tags are called.
    let rules: DocumentRules

    var records: [DocumentID: Record] = [:]
    /// The changes in order; those whose document has changed since are passed over.
    var log: [(number: Int, id: DocumentID)] = []
    private var lastNumber = 0
    private var localDocuments: [String: LocalDocument] = [:]
    private var waiters: [Int: AsyncStream<Void>.Continuation] = [:]
    private var nextWaiter = 0

    /// An empty database.
    ///
    /// - Parameters:
    ///   - identity: What the replica is called in the names of replications.
    ///   - revisionLimit: How many revisions each branch keeps.
    ///   - branchLimit: How many branches a document may have.
    ///   - rules: What is demanded of documents, and how their tags are called.
    package init(
        identity: String,
        revisionLimit: Int = 1_000,
        branchLimit: Int = 1_000,
        rules: DocumentRules = DocumentRules()
    ) {
        self.identity = identity
        self.revisionLimit = revisionLimit
        self.branchLimit = branchLimit
        self.rules = rules
    }

    package func info() -> ReplicaInfo {
        let deleted = records.values.count { $0.tree.isDeleted }
        return ReplicaInfo(
            documentCount: records.count - deleted,
            deletedCount: deleted,
            updateSequence: UpdateSequence(lastNumber)
        )
    }

    /// Notes that a document has changed, and wakes those that wait for it.
    func noteChange(of id: DocumentID, in record: Record) {
        lastNumber += 1
        var record = record
        record.number = lastNumber
        records[id] = record
        log.append((lastNumber, id))
        if log.count > 64, log.count > 2 * records.count {
            log.removeAll { records[$0.id]?.number != $0.number }
        }
        for waiter in waiters.values { waiter.yield() }
    }
}

// MARK: - Changes

extension MemoryReplica {
    package func changes(_ request: ChangesRequest) async throws -> ChangesPage {
        let present = try page(request)
        guard let wait = request.wait, present.rows.isEmpty else { return present }
        await waitForChange(behind: present.lastSequence, atMost: wait)
        try Task.checkCancellation()
        return try page(request)
    }

    package nonisolated func changesStream(_ request: ChangesRequest) async throws -> ChangesStream? {
        let place = Place(request.since)
        return ChangesStream { [self] in
            var next = request
            next.since = place.sequence.withLock { $0 }
            var page = try await changes(next)
            place.sequence.withLock { $0 = page.lastSequence }
            if page.pending != 0 { page.pending = nil }
            return page
        }
    }

    /// How far a stream has come.
    private final class Place: Sendable {
        let sequence: Mutex<UpdateSequence>

        init(_ sequence: UpdateSequence) { self.sequence = Mutex(sequence) }
    }

    private func page(_ request: ChangesRequest) throws -> ChangesPage {
        guard let since = Int(request.since.text), since >= 0 else {
            throw CouchError.badRequest("Malformed sequence supplied in 'since' parameter.")
        }
        let isWanted = try predicate(request.filter)
        var rows: [ChangeRow] = []
        var last = since
        var index = firstIndex(behind: since)
        while index < log.count, rows.count < request.limit {
            let (number, id) = log[index]
            index += 1
            last = number
            guard let record = records[id], record.number == number, isWanted(id) else { continue }
            let leaves = record.tree.leaves
            var row = ChangeRow(
                sequence: UpdateSequence(number),
                id: id,
                revisions: request.allLeaves ? leaves.map(\.id) : leaves.prefix(1).map(\.id),
                isDeleted: record.tree.isDeleted
            )
            if request.withDocuments { row.documents = documents(of: row) }
            rows.append(row)
        }
        let pending = log[index...].count { records[$0.id]?.number == $0.number && isWanted($0.id) }
        return ChangesPage(rows: rows, lastSequence: UpdateSequence(last), pending: pending)
    }

    /// The documents of a row, unless one of them has attachments.
    private func documents(of row: ChangeRow) -> [ReplicatedDocument] {
        let outcomes = fetch(row.revisions.map { FetchRequest(id: row.id, revision: $0) })
        let documents = outcomes.compactMap { outcome -> ReplicatedDocument? in
            guard case .document(let document) = outcome, document.attachments.isEmpty else { return nil }
            return document
        }
        return documents.count == row.revisions.count ? documents : []
    }

    private func predicate(_ filter: ReplicationFilter) throws -> (DocumentID) -> Bool {
        switch filter {
        case .none: return { _ in true }
        case .documents(let ids):
            let wanted = Set(ids)
            return { wanted.contains($0) }
        case .selector, .function: throw CouchError.badRequest("A replica in memory filters by document ids only.")
        }
    }

    /// Where the changes behind a number begin in the log.
    private func firstIndex(behind number: Int) -> Int {
        var low = 0
        var high = log.count
        while low < high {
            let middle = (low + high) / 2
            if log[middle].number <= number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func waitForChange(behind sequence: UpdateSequence, atMost duration: Duration) async {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = nextWaiter
        nextWaiter += 1
        waiters[number] = continuation
        defer { waiters[number] = nil }
        // The one that comes first ends the other: a change, the end of the patience, or the caller's cancellation.
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in stream { return } }
            group.addTask { try? await Task.sleep(for: duration) }
            await group.next()
            group.cancelAll()
        }
    }
}

// MARK: - Replication

extension MemoryReplica {
    package func revisionsDifference(_ revisions: [DocumentRevisions]) -> [MissingRevisions] {
        revisions.compactMap { asked in
            guard let tree = records[asked.id]?.tree else {
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

    package func fetch(_ requests: [FetchRequest]) -> [FetchOutcome] {
        requests.map { request in
            guard let record = records[request.id], let node = record.tree[request.revision],
                let path = record.tree.path(to: request.revision), let revision = record.revisions[request.revision]
            else { return .failure(request.id, request.revision, .missing) }
            // An attachment that came no later than a revision that the reader has is with the reader already.
            let known = path.newest(of: Set(request.attachmentsSince))?.generation ?? 0
            return .document(
                ReplicatedDocument(
                    id: request.id,
                    path: path,
                    isDeleted: node.isDeleted,
                    owner: revision.owner,
                    groups: revision.groups,
                    attachments: revision.attachments.map { attachment in
                        var attachment = attachment
                        if attachment.revisionPosition <= known { attachment.content = nil }
                        return attachment
                    },
                    body: revision.body
                )
            )
        }
    }

    package func write(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure] {
        var whole = documents
        for (place, document) in documents.enumerated() {
            for (index, attachment) in document.attachments.enumerated() where attachment.content == nil {
                guard let source = attachment.source, original(of: attachment, in: document) == nil else { continue }
                whole[place].attachments[index].content = try await source.bytes()
            }
        }
        return take(whole)
    }

    /// Takes over revisions whose attachments are at hand.
    package func take(_ documents: [ReplicatedDocument]) -> [WriteFailure] {
        documents.compactMap { document -> WriteFailure? in
            do throws(CouchError) {
                try take(document)
                return nil
            } catch {
                return WriteFailure(id: document.id, revision: document.path.revision, error: error)
            }
        }
    }

    private func take(_ document: ReplicatedDocument) throws(CouchError) {
        var record = records[document.id] ?? Record()
        let revision = document.path.revision
        guard record.revisions[revision] == nil else { return }
        let attachments = try resolved(document)
        try record.tree.merge(
            document.path,
            status: document.isDeleted ? .deleted : .available,
            branchLimit: branchLimit
        )
        record.revisions[revision] = Revision(
            owner: document.owner,
            groups: document.groups,
            attachments: attachments,
            body: document.body
        )
        stem(&record)
        noteChange(of: document.id, in: record)
    }

    /// The attachments with their content, that of stubs taken from the ancestors that are here.
    private func resolved(_ document: ReplicatedDocument) throws(CouchError) -> [ReplicatedAttachment] {
        var result: [ReplicatedAttachment] = []
        for var attachment in document.attachments {
            attachment.source = nil
            if attachment.content == nil {
                guard let original = original(of: attachment, in: document) else {
                    throw .missingStub("Invalid attachment stub in \(document.id) for \(attachment.name)")
                }
                attachment.content = original.content
                attachment.digest = original.digest
                attachment.length = original.length
            }
            result.append(attachment)
        }
        return result
    }

    /// The attachment of an ancestor that is the same one.
    private func original(
        of attachment: ReplicatedAttachment,
        in document: ReplicatedDocument
    ) -> ReplicatedAttachment? {
        guard let record = records[document.id] else { return nil }
        // A server that keeps an attachment compressed gives the digest of that; then its place tells.
        return document.path.revisions.lazy.compactMap { record.revisions[$0] }.flatMap(\.attachments).first {
            $0.name == attachment.name
                && ($0.digest == attachment.digest || $0.revisionPosition == attachment.revisionPosition)
        }
    }

    func stem(_ record: inout Record) {
        for revision in record.tree.stem(to: revisionLimit) { record.revisions[revision] = nil }
    }
}

// MARK: - Local documents

extension MemoryReplica {
    package func localDocument(_ name: String) -> LocalDocument? {
        localDocuments[name]
    }

    package func putLocalDocument(_ name: String, _ document: LocalDocument) throws -> String {
        let present = localDocuments[name]
        guard present?.revision == document.revision else { throw CouchError.conflict }
        let number = present?.revision.flatMap { Int($0.dropFirst(2)) } ?? 0
        let revision = "0-\(number + 1)"
        localDocuments[name] = LocalDocument(revision: revision, body: document.body)
        return revision
    }
}
