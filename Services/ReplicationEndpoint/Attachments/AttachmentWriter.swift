import CouchProtocol
import DocumentStore
import HTTPTypes
import Hummingbird
import JSON
import Telemetry

/// Changes a document by one attachment: `PUT` adds or replaces it, `DELETE` takes it away.
struct AttachmentWriter: Sendable {
    let store: DocumentStore

    typealias Target = AttachmentResource.Target

    func put(_ exchange: Exchange, _ target: Target) async throws -> Response {
        let rules = exchange.limits.documents
        try IncomingAttachment.check(name: target.name, lengthLimit: rules.attachmentNameLimit)
        // Whoever has no name writes nothing, and need not send a content to learn that.
        try exchange.requireUser()
        let encoding = try ContentEncoding.parse(exchange.request.headers[.contentEncoding])
        // Before the content, so that a write that cannot be comes to nothing before it costs anything.
        let present = try await present(exchange, target)
        let (content, length) = try await content(
            exchange,
            target.name,
            encoding: encoding,
            limit: rules.attachmentSizeLimit
        )
        let attachment = NewAttachment(
            name: target.name,
            contentType: IncomingAttachment.type(exchange.request.headers[.contentType]),
            content: content,
            encoding: encoding,
            length: length
        )
        let others = present?.others(than: target.name) ?? []
        guard others.count < rules.attachmentLimit else {
            throw CouchError.tooManyAttachments("The document has \(rules.attachmentLimit) attachments already.")
        }
        let revision = try await write([.new(attachment)] + others, over: present, exchange, target)
        return .json(
            answer(target, revision),
            status: .created,
            headers: [.location: exchange.address(of: target.database.name, target.id.text, target.name)]
        )
    }

    func delete(_ exchange: Exchange, _ target: Target) async throws -> Response {
        try exchange.requireUser()
        guard let present = try await present(exchange, target) else {
            // As in CouchDB, what is not there is missing, and what is there wants its revision named.
            let found = try await store.document(target.id, in: target.database, for: exchange.caller)
            guard let found else { throw CouchError.missing }
            guard !found.isDeleted else { throw CouchError.deleted }
            guard found.attachment(named: target.name) != nil else { throw CouchError.missingAttachment }
            throw CouchError.conflict
        }
        guard present.attachment(named: target.name) != nil else { throw CouchError.missingAttachment }
        let revision = try await write(present.others(than: target.name), over: present, exchange, target)
        return .json(answer(target, revision))
    }

    /// The revision that the request names and is to follow; nil when it names none.
    ///
    /// - Throws: `not_found` (with the status of a conflict, as in CouchDB) when there is no such revision for the
    ///   caller.
    private func present(_ exchange: Exchange, _ target: Target) async throws -> StoredRevision? {
        guard let revision = try DocumentWriter.revision(of: nil, exchange) else { return nil }
        let request = RevisionRequest(id: target.id, revision: revision)
        let found = try await store.fetch([request], from: target.database, for: exchange.caller)[request]
        guard let found else { throw CouchError.missingRevision }
        return found
    }

    private func content(
        _ exchange: Exchange,
        _ name: String,
        encoding: String?,
        limit: Int
    ) async throws -> (content: StoredContent, unpackedLength: Int) {
        if let length = exchange.request.headers[.contentLength].flatMap({ Int($0) }), length > limit {
            throw CouchError.attachmentTooLarge(name)
        }
        var upload = try IncomingContent(to: store, name: name, encoding: encoding, limit: limit)
        do {
            for try await buffer in exchange.request.body { try await upload.append(buffer.readableBytesView) }
            let digest = exchange.request.headers[HTTPHeader.contentMD5].map { "md5-\($0)" }
            return try await upload.finish(expecting: digest)
        } catch {
            await upload.abandon()
            throw error
        }
    }

    private func write(
        _ attachments: [EditedAttachment],
        over present: StoredRevision?,
        _ exchange: Exchange,
        _ target: Target
    ) async throws -> RevisionID {
        var edit =
            present.map { DocumentEdit(following: $0) }
            ?? DocumentEdit(
                id: target.id,
                revision: .next(after: nil),
                isDeleted: false,
                body: .empty,
                tags: AskedTags()
            )
        edit.attachments = attachments
        let outcome = try await store.write(
            [edit],
            to: target.database,
            by: exchange.writer(to: target.database, in: store),
            traceID: TraceContext.current?.traceID
        )[0]
        switch outcome {
        case .written(let revision): return revision
        case .refused(let error): throw error
        }
    }

    private func answer(_ target: Target, _ revision: RevisionID) -> JSONValue {
        ["ok": true, "id": .string(target.id.text), "rev": .string(revision.description)]
    }
}

extension DocumentEdit {
    /// An edit that leaves the revision as it is, but for attachments.
    init(following present: StoredRevision) {
        let isFaithful = (try? JSONScan(present.body, limits: .unlimited))?.isFaithfulInJSONB ?? false
        self.init(
            id: present.id,
            revision: .next(after: present.revision),
            isDeleted: present.isDeleted,
            body: DocumentBody(bytes: present.body, isFaithfulInJSONB: isFaithful),
            tags: AskedTags()
        )
    }
}

extension StoredRevision {
    /// All attachments but the one of that name, to be kept.
    fileprivate func others(than name: String) -> [EditedAttachment] {
        attachments.filter { !$0.name.utf8.elementsEqual(name.utf8) }.map { .kept($0) }
    }
}
