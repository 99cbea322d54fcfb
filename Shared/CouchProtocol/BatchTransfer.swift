/// Brings the revisions of one page of changes that the target lacks from the source to the target.
struct BatchTransfer {
    /// How many revisions are read and written at once; a batch of documents with many leaves is more than one part.
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
        for start in stride(from: 0, to: requests.count, by: Self.partSize) {
            try Task.checkCancellation()
            try await transfer(Array(requests[start..<min(start + Self.partSize, requests.count)]), &outcome)
        }
        return outcome
    }

    private func transfer(_ requests: [FetchRequest], _ outcome: inout Outcome) async throws {
        var documents: [ReplicatedDocument] = []
        for fetched in try await source.fetch(requests) {
            switch fetched {
            case .document(let document): documents.append(document)
            case .failure(_, _, let error):
                // A revision that is gone was purged, compacted, or lost to the reader since the page was read; there
                // is nothing to bring over, and what came in its place is a change of its own.
                guard error.status == 404 || error.status == 403 else { throw error }
                outcome.statistics.readFailures += 1
            }
        }
        outcome.statistics.documentsRead += documents.count
        guard !documents.isEmpty else { return }
        let failures = try await target.write(documents)
        // A refusal that may pass is a failure of the batch, which is tried again; others are the documents' own.
        if let passing = failures.first(where: { RetryPolicy.mayPass($0.error) || $0.error.status == 401 }) {
            throw passing.error
        }
        outcome.statistics.writeFailures += failures.count
        outcome.statistics.documentsWritten += documents.count - failures.count
        outcome.failures += failures
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
