import AsyncAlgorithms
import AsyncHTTPClient
package import CouchProtocol
import JSON
import NIOCore

extension HTTPReplica {
    /// Contents of attachments of more bytes than this are read piece by piece, each by itself, by who needs them.
    ///
    /// That is told the server by a parameter of our own; CouchDB, which passes over it, sends all with the document.
    static let inlineLimit = 256 << 10

    package func fetch(_ requests: [FetchRequest]) async throws -> [FetchOutcome] {
        var halving = Halving(isCareful: await readingTroubles.hasFailed)
        do {
            let outcomes = await judged(try await fetch(requests, &halving))
            let hasFailed = outcomes.contains(where: \.mayPass)
            if halving.isCareful || hasFailed { await readingTroubles.ended(failed: hasFailed) }
            return outcomes
        } catch {
            if RetryPolicy.mayPass(error) { await readingTroubles.ended(failed: true) }
            throw error
        }
    }

    /// Reads revisions; when the server goes on failing with all of them, in halves, so that in the end it fails with
    /// one alone.
    private func fetch(_ requests: [FetchRequest], _ halving: inout Halving) async throws -> [FetchOutcome] {
        do {
            let outcomes = try await fetch(requests, withContents: true)
            if !outcomes.allSatisfy(\.mayPass) { halving.hasSucceeded = true }
            return outcomes
        } catch {
            guard halving.mayGoOn(isAlone: requests.count == 1), await isWell(error) else { throw error }
            guard requests.count > 1 else {
                let failure = error as? CouchError
                let own = failure ?? CouchError(status: 502, error: "not_read", reason: "\(error)")
                return requests.map { .failure($0.id, $0.revision, own) }
            }
            let middle = requests.count / 2
            let outcomes = try await fetch(Array(requests[..<middle]), &halving)
            // What is left out is asked for again.
            guard outcomes.count >= middle, outcomes.reduce(0, { $0 + $1.size }) < FetchOutcome.sizeLimit else {
                return outcomes
            }
            do {
                return outcomes + (try await fetch(Array(requests[middle...]), &halving))
            } catch  where RetryPolicy.mayPass(error) && !outcomes.allSatisfy(\.mayPass) {
                return outcomes
            }
        }
    }

    private func fetch(_ requests: [FetchRequest], withContents: Bool) async throws -> [FetchOutcome] {
        guard let first = requests.first else { return [] }
        let docs = requests.map { request -> JSONValue in
            var entry: JSONObject = ["id": .string(request.id.text), "rev": .string(request.revision.description)]
            if !request.attachmentsSince.isEmpty {
                entry["atts_since"] = .array(request.attachmentsSince.map { .string($0.description) })
            }
            return .object(entry)
        }
        let body: JSONValue = ["docs": .array(docs)]
        let response = try await answer(
            to: HTTPSession.Request(
                method: "POST",
                path: path("_bulk_get"),
                query: [
                    ("revs", "true"), ("attachments", withContents ? "true" : "false"),
                    ("attachments_limit", String(Self.inlineLimit)),
                ],
                body: .json(body.bytes)
            )
        )
        if let outcomes = try await outcomes(in: response, of: requests.count) { return outcomes }
        // Which of them is too large shows when it is asked for alone.
        guard requests.count == 1 else { return try await fetch([first], withContents: withContents) }
        // It may be its attachments that are too large to come with it.
        guard withContents else { return [.failure(first.id, first.revision, .tooLarge)] }
        let described = FetchRequest(id: first.id, revision: first.revision)
        return try await fetch([described], withContents: false)
    }

    /// What an answer says, up to where it is as much as may be read at once, or a document is too large; nil when that
    /// is so from the beginning.
    private func outcomes(in response: HTTPClientResponse, of count: Int) async throws -> [FetchOutcome]? {
        try await HTTPSession.reading {
            var splitter = JSONElementSplitter(elementLimit: documentLimit)
            var (outcomes, size): ([FetchOutcome], Int) = ([], 0)
            for try await chunk in response.body {
                let results: [[UInt8]]
                do {
                    results = try splitter.append(chunk.readableBytesView)
                } catch {
                    return outcomes.isEmpty ? nil : outcomes
                }
                for result in results {
                    let next = try outcome(of: result)
                    outcomes += next
                    size += next.reduce(0) { $0 + $1.size }
                }
                // Leaving the rest costs the connection, so the last one is read to the end.
                if size > FetchOutcome.sizeLimit, outcomes.count < count { return outcomes }
            }
            guard (try? JSONScan(splitter.rest)) != nil else { throw TransportError("an answer that breaks off") }
            return outcomes
        }
    }

    /// The outcomes, with those as the documents' own with which the server fails again and again, and gives others.
    ///
    /// Each answer is judged once, whether the failures stand in it or are its own.
    private func judged(_ outcomes: [FetchOutcome]) async -> [FetchOutcome] {
        var given: [ReplicatedDocument] = []
        for case .document(let document) in outcomes { given.append(document) }
        await readingTroubles.passed(given)
        var proof: Troubles.Proof? = given.isEmpty ? nil : .others
        if proof == nil, let error = outcomes.lazy.compactMap(\.telling).first, await isWell(error) {
            proof = .presence
        }
        guard let proof else { return outcomes }
        var judged: [FetchOutcome] = []
        for outcome in outcomes {
            guard case .failure(let id, let revision, let error) = outcome, RetryPolicy.mayPass(error),
                proof == .others || outcome.telling != nil,
                let own = await readingTroubles.fail(id, revision, error, proof)
            else {
                judged.append(outcome)
                continue
            }
            judged.append(.failure(id, revision, own))
        }
        return judged
    }

    /// What one of the `results` says: the documents or the errors of the revisions of one id.
    private func outcome(of result: [UInt8]) throws -> [FetchOutcome] {
        let members = try JSONScan(result, limits: .unlimited).members
        guard let docs = members.first(where: { $0.isNamed("docs") }) else {
            throw TransportError("a result of _bulk_get without docs")
        }
        return try JSONScan(result, in: docs.valueRange, limits: .unlimited).elements.map { element in
            let entry = try JSONScan(result, in: element, limits: .unlimited).members
            if let found = entry.first(where: { $0.isNamed("ok") }) {
                return try document(in: result, found.valueRange)
            }
            let failure = try JSONValue(parsing: result, in: element)["error"]
            let revision = try RevisionID(parsing: failure?["rev"]?.stringValue ?? "")
            let error = CouchError(named: failure?["error"]?.stringValue, reason: failure?["reason"]?.stringValue)
            return .failure(DocumentID(stored: failure?["id"]?.stringValue ?? ""), revision, error)
        }
    }

    /// A document of an answer; one that makes no sense here, such as one whose owner is a number, fails alone.
    private func document(in result: [UInt8], _ range: Range<Int>) throws -> FetchOutcome {
        do {
            var document = try ReplicatedDocument(IncomingDocument(parsing: result, in: range, rules: rules))
            for place in document.attachments.indices where document.attachments[place].content == nil {
                let attachment = document.attachments[place]
                document.attachments[place].source = source(of: attachment, document.id, document.path)
            }
            return .document(document)
        } catch {
            let value = try JSONValue(parsing: result, in: range, limits: .unlimited)
            guard let id = value["_id"]?.stringValue, let text = value["_rev"]?.stringValue else { throw error }
            return .failure(DocumentID(stored: id), try RevisionID(parsing: text), error)
        }
    }
}

// MARK: - Contents of attachments

extension HTTPReplica {
    /// Where the content of an attachment is read.
    ///
    /// What the server fails with is counted by attachments, so that one that comes says nothing of another one of the
    /// same document.
    private func source(
        of attachment: ReplicatedAttachment,
        _ id: DocumentID,
        _ path: RevisionPath
    ) -> AttachmentSource {
        let subject = DocumentID(stored: id.text + "/" + attachment.name)
        let request = HTTPSession.Request(
            path: documentPath(id) + "/" + PercentEncoding.encode(attachment.name),
            query: [("rev", path.revision.description)]
        )
        return AttachmentSource {
            let response: HTTPClientResponse
            do {
                response = try await answer(to: request)
            } catch let error as CouchError where error.status == 404 || error.status == 403 {
                // The document is another one by now, or not the user's any more, and is to be asked for again; unless
                // the server has lost it.
                let reason = "an attachment that was told is not there any more: \(error.reason)"
                throw await judged(TransportError(reason), subject, path.revision)
            } catch let error as CouchError where RetryPolicy.mayPass(error) {
                throw await judged(error, subject, path.revision)
            }
            return Self.stream { send in
                var length = 0
                for try await chunk in response.body {
                    length += chunk.readableBytes
                    await send(Array(chunk.readableBytesView))
                }
                guard length == attachment.length else {
                    throw TransportError("an attachment of \(length) bytes instead of \(attachment.length)")
                }
                await contentTroubles.passed(subject, path)
            }
        }
    }

    /// The error of a content, as one that lies with the document when the server goes on failing with it.
    private func judged(_ error: any Error, _ subject: DocumentID, _ revision: RevisionID) async -> any Error {
        guard await isWell(error) else { return error }
        guard let own = await contentTroubles.fail(subject, revision, error, .presence) else { return error }
        return own
    }

    /// The path of a document; that of a design document has two segments.
    func documentPath(_ id: DocumentID) -> String {
        let segments = id.text.hasPrefix("_design/") ? ["_design", String(id.text.dropFirst(8))] : [id.text]
        return ([path()] + segments.map { PercentEncoding.encode($0) }).joined(separator: "/")
    }

    /// What a task makes of an answer while that comes in; it waits until somebody takes what it has.
    static func stream<Element: Sendable>(
        _ make: @escaping @Sendable (_ send: @escaping @Sendable (Element) async -> Void) async throws -> Void
    ) -> ReplicaStream<Element> {
        let elements = AsyncThrowingChannel<Element, any Error>()
        let making = Task {
            do {
                try await HTTPSession.reading { try await make { await elements.send($0) } }
                elements.finish()
            } catch {
                elements.fail(error)
            }
        }
        return ReplicaStream {
            var iterator = elements.makeAsyncIterator()
            let next = try await iterator.next()
            // Who is cancelled is told of no end.
            if next == nil { try Task.checkCancellation() }
            return next
        } close: {
            making.cancel()
        }
    }
}

extension FetchOutcome {
    /// Whether the revision could not be read for a reason that may pass.
    fileprivate var mayPass: Bool {
        guard case .failure(_, _, let error) = self else { return false }
        return RetryPolicy.mayPass(error)
    }

    /// The error of a revision that could not be read, where it may lie with that; nil where it does not say so.
    fileprivate var telling: CouchError? {
        guard case .failure(_, _, let error) = self, RetryPolicy.mayPass(error) else { return nil }
        return error.isOfBusyServer ? nil : error
    }
}

extension CouchError {
    /// The error that a server names for one document of many, where the status of the answer says nothing.
    init(named name: String?, reason: String?) {
        let name = name ?? "unknown_error"
        let status =
            switch name {
            case "not_found", "missing": 404
            case "forbidden": 403
            case "unauthorized": 401
            case "conflict": 409
            case "missing_stub": 412
            case "bad_request", "doc_validation", "illegal_docid", "illegal_rev": 400
            case "too_large", "document_too_large", "attachment_too_large", "too_many_branches": 413
            case "internal_server_error": 500
            case "timeout", "service unavailable": 503
            default: 400
            }
        self.init(status: status, error: name, reason: reason ?? name)
    }
}
