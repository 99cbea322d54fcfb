/// Brings the revisions of one page of changes that the target lacks from the source to the target.
struct BatchTransfer {
    /// How many revisions are read and written at once, unless they are too large; a batch of documents with many
    /// leaves is more than one part.
    private static let partSize = 500

    let source: any Replica
    let target: any Replica

    /// What became of a batch.
    struct Outcome: Sendable {
        var statistics = ReplicationStatistics()
        var failures: [WriteFailure] = []
    }

    func run(_ page: ChangesPage) async throws -> Outcome {
        var outcome = Outcome()
        outcome.statistics.changesRead = page.rows.count
        let asked = Self.joined(page.rows)
        outcome.statistics.missingChecked = asked.reduce(0) { $0 + $1.revisions.count }
        let requests = try await target.revisionsDifference(asked).flatMap { difference in
            difference.missing.map { revision in
                FetchRequest(id: difference.id, revision: revision, attachmentsSince: difference.possibleAncestors)
            }
        }
        outcome.statistics.missingFound = requests.count
        let batch = Batch(page)
        for start in stride(from: 0, to: requests.count, by: Self.partSize) {
            try Task.checkCancellation()
            let part = Array(requests[start..<min(start + Self.partSize, requests.count)])
            try await transfer(part, batch, &outcome)
        }
        return outcome
    }

    /// What a page says of its documents.
    private struct Batch {
        /// The leaves of each; the last row of a document is the newest.
        let leaves: [DocumentID: [RevisionID]]
        /// Those that came with their rows.
        let documents: [FetchRequest: ReplicatedDocument]

        init(_ page: ChangesPage) {
            leaves = Dictionary(page.rows.map { ($0.id, $0.revisions) }) { $1 }
            let documents = page.rows.lazy.flatMap(\.documents).map { document in
                (FetchRequest(id: document.id, revision: document.path.revision), document)
            }
            self.documents = Dictionary(documents) { $1 }
        }

        /// The document that a request is for, where it is at hand.
        func document(_ request: FetchRequest) -> ReplicatedDocument? {
            documents.isEmpty ? nil : documents[FetchRequest(id: request.id, revision: request.revision)]
        }
    }

    private func transfer(
        _ requests: [FetchRequest],
        _ batch: Batch,
        _ outcome: inout Outcome
    ) async throws {
        let atHand = requests.compactMap { batch.document($0) }
        let lacking = atHand.isEmpty ? requests : requests.filter { batch.document($0) == nil }
        var failures = atHand.isEmpty ? [] : try await take(atHand.map { .document($0) }, batch, &outcome)
        failures += try await attempt(lacking, batch, &outcome)
        // An attachment that the target had when it was asked may be there no more: then it is sent, too.
        let again = lacking.filter { request in
            !request.attachmentsSince.isEmpty && failures.contains { $0.isForStub(of: request) }
        }
        if !again.isEmpty {
            failures.removeAll { failure in again.contains { failure.isForStub(of: $0) } }
            let whole = again.map { FetchRequest(id: $0.id, revision: $0.revision) }
            failures += try await attempt(whole, batch, &outcome)
        }
        outcome.statistics.writeFailures += failures.count
        outcome.failures += failures
    }

    /// Reads revisions and writes them.
    ///
    /// - Returns: Those that could not be read for what they are, and those that the target refused.
    private func attempt(
        _ requests: [FetchRequest],
        _ batch: Batch,
        _ outcome: inout Outcome
    ) async throws -> [WriteFailure] {
        var failures: [WriteFailure] = []
        try await source.fetch(requests) { outcomes in
            failures += try await take(outcomes, batch, &outcome)
        }
        return failures
    }

    private func take(
        _ outcomes: [FetchOutcome],
        _ batch: Batch,
        _ outcome: inout Outcome
    ) async throws -> [WriteFailure] {
        var documents: [ReplicatedDocument] = []
        var failures: [WriteFailure] = []
        // With what may pass the batch is tried again; what has come is written before.
        var passing: CouchError?
        for fetched in outcomes {
            switch fetched {
            case .document(var document):
                document.sourceLeaves = batch.leaves[document.id]
                documents.append(document)
            case .failure(let id, let revision, let error):
                if Self.mayPass(error) {
                    passing = error
                } else if error.status == 404 || error.status == 403 {
                    // A revision that is gone was purged, compacted, or lost to the reader since the page was read;
                    // there is nothing to bring over, and what came in its place is a change of its own.
                    outcome.statistics.readFailures += 1
                } else {
                    failures.append(WriteFailure(id: id, revision: revision, error: error))
                }
            }
        }
        outcome.statistics.documentsRead += documents.count
        let refused = documents.isEmpty ? [] : try await target.write(documents)
        passing = passing ?? refused.map(\.error).first(where: Self.mayPass)
        if let passing { throw passing }
        outcome.statistics.documentsWritten += documents.count - refused.count
        return failures + refused
    }

    /// An error that may pass is a failure of the batch, which is tried again; others are the documents' own.
    private static func mayPass(_ error: CouchError) -> Bool {
        RetryPolicy.mayPass(error) || error.status == 401
    }

    /// The revisions of each document once, however many rows name it.
    private static func joined(_ rows: [ChangeRow]) -> [DocumentRevisions] {
        var places: [DocumentID: Int] = [:]
        var result: [DocumentRevisions] = []
        for row in rows {
            if let place = places[row.id] {
                let known = Set(result[place].revisions)
                result[place].revisions += row.revisions.filter { !known.contains($0) }
            } else {
                places[row.id] = result.count
                result.append(DocumentRevisions(id: row.id, revisions: row.revisions))
            }
        }
        return result
    }
}

extension WriteFailure {
    /// Whether the revision was refused because of an attachment that the request left out.
    fileprivate func isForStub(of request: FetchRequest) -> Bool {
        isMissingStub && id == request.id && (revision ?? request.revision) == request.revision
    }

    /// Whether the target lacks an attachment that came as a stub.
    package var isMissingStub: Bool { error.status == 412 && error.error == "missing_stub" }
}
