package import CouchProtocol
import JSON

extension HTTPReplica {
    package func write(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure] {
        var attempt = Attempt(Halving(isCareful: await troubles.hasFailed))
        var hasOpen = false
        do {
            for part in Self.parts(documents) { try await send(part, &attempt) }
            let proof: Troubles.Proof = attempt.halving.hasSucceeded ? .others : .presence
            for failure in attempt.passing { attempt.failures.append(await judged(failure, proof)) }
            var open: [(WriteFailure, any Error)] = []
            for (document, error) in attempt.alone {
                let (id, revision) = (document.id, document.path.revision)
                if let own = await troubles.fail(id, revision, error, proof) {
                    attempt.failures.append(WriteFailure(id: id, revision: revision, error: own))
                } else {
                    let failure = error as? CouchError
                    let passing = failure ?? CouchError(status: 502, error: "not_written", reason: "\(error)")
                    open.append((WriteFailure(id: id, revision: revision, error: passing), error))
                }
            }
            // What the server refuses beside them is told all the same.
            if let error = open.first?.1, attempt.failures.allSatisfy({ RetryPolicy.mayPass($0.error) }) { throw error }
            attempt.failures += open.map(\.0)
            hasOpen = !open.isEmpty
        } catch {
            if RetryPolicy.mayPass(error) { await troubles.ended(failed: true) }
            throw error
        }
        // Others that are under way meanwhile say nothing of the documents of the one that failed.
        if attempt.halving.isCareful { await troubles.ended(failed: hasOpen) }
        let failed = Set(attempt.failures.map(\.id))
        await troubles.passed(documents.filter { !failed.contains($0.id) })
        return attempt.failures
    }

    /// The failure as one that lies with the document, when the server fails with it again and again.
    private func judged(_ failure: WriteFailure, _ proof: Troubles.Proof) async -> WriteFailure {
        guard let revision = failure.revision,
            let own = await troubles.fail(failure.id, revision, failure.error, proof)
        else { return failure }
        return WriteFailure(id: failure.id, revision: revision, error: own)
    }

    /// One write of several documents.
    private struct Attempt {
        var halving: Halving
        var failures: [WriteFailure] = []
        /// Documents with which the server failed while it answered for the request: others, or none, may be written.
        var passing: [WriteFailure] = []
        /// Documents with which alone the server failed.
        var alone: [(ReplicatedDocument, any Error)] = []

        init(_ halving: Halving) {
            self.halving = halving
        }
    }

    /// The documents of each request.
    private static func parts(_ documents: [ReplicatedDocument]) -> [[ReplicatedDocument]] {
        var parts: [[ReplicatedDocument]] = []
        var size = 0
        for document in documents {
            // One whose attachments come from somewhere has a request of its own.
            let bytes = document.isInPieces ? Self.requestSize + 1 : document.size / 3 * 4
            if parts.isEmpty || size + bytes > Self.requestSize {
                parts.append([])
                size = 0
            }
            parts[parts.count - 1].append(document)
            size += bytes
        }
        return parts
    }

    /// Sends documents in one request.
    ///
    /// When the server refuses all because of one of them, or goes on failing, they are sent in halves, so that in the
    /// end that one alone is refused.
    private func send(_ documents: [ReplicatedDocument], _ attempt: inout Attempt) async throws {
        do {
            let failures = try await sendAtOnce(documents)
            let passing = failures.filter { RetryPolicy.mayPass($0.error) }
            attempt.passing += passing
            attempt.failures += failures.filter { !RetryPolicy.mayPass($0.error) }
            if passing.count < documents.count { attempt.halving.hasSucceeded = true }
        } catch {
            let refusal = (error as? CouchError).flatMap { [400, 403, 412, 413].contains($0.status) ? $0 : nil }
            if refusal == nil {
                guard attempt.halving.mayGoOn() else { throw error }
                guard await isWell(error) else { throw error }
            }
            guard documents.count > 1 else {
                for document in documents {
                    if let refusal {
                        let revision = document.path.revision
                        attempt.failures.append(WriteFailure(id: document.id, revision: revision, error: refusal))
                    } else {
                        attempt.alone.append((document, error))
                    }
                }
                return
            }
            let middle = documents.count / 2
            try await send(Array(documents[..<middle]), &attempt)
            try await send(Array(documents[middle...]), &attempt)
        }
    }

    /// Whether the server is there all the same, and does not say that it has too much to do.
    func isWell(_ error: any Error) async -> Bool {
        guard RetryPolicy.mayPass(error), (error as? CouchError)?.isOfBusyServer != true else { return false }
        return (try? await info()) != nil
    }

    private func sendAtOnce(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure] {
        if documents.count == 1, documents[0].isInPieces {
            try await put(documents[0])
            return []
        }
        var body = Array(#"{"new_edits":false,"docs":["#.utf8)
        for (index, document) in documents.enumerated() {
            if index > 0 { body.append(UInt8(ascii: ",")) }
            document.write(to: &body, rules: rules)
        }
        body.append(contentsOf: "]}".utf8)
        let answer = try await json(
            HTTPSession.Request(method: "POST", path: path("_bulk_docs"), body: .json(body))
        )
        guard let entries = answer.arrayValue else {
            throw TransportError("an answer of _bulk_docs that says nothing of the documents")
        }
        return entries.compactMap { entry in
            guard let name = entry["error"]?.stringValue, let text = entry["id"]?.stringValue else { return nil }
            let id = DocumentID(stored: text)
            let named = entry["rev"]?.stringValue.flatMap { try? RevisionID(parsing: $0) }
            let revision = named ?? documents.first { $0.id == id }?.path.revision
            let error = CouchError(named: name, reason: entry["reason"]?.stringValue)
            return WriteFailure(id: id, revision: revision, error: error)
        }
    }
}

extension HTTPReplica {
    /// Sends a document with its attachments behind it.
    private func put(_ document: ReplicatedDocument) async throws {
        let boundary = RevisionHash.digest(.random(in: .min ... .max), .random(in: .min ... .max)).description
        _ = try await json(
            HTTPSession.Request(
                method: "PUT",
                path: documentPath(document.id),
                query: [("new_edits", "false")],
                body: RequestBody(document, rules: rules, boundary: boundary)
            )
        )
    }
}

extension ReplicatedDocument {
    /// Whether the content of an attachment is read while it is sent.
    fileprivate var isInPieces: Bool { attachments.contains { $0.content == nil && $0.source != nil } }
}
