import CouchProtocol
import DocumentStore
import Foundation
import HTTPTypes
import Hummingbird
import JSON
import Telemetry

/// Writes, copies and deletes one document.
struct DocumentWriter: Sendable {
    let store: DocumentStore
    let reader: DocumentReader

    /// `POST /<database>`: a document whose id the server makes where it has none.
    func post(_ exchange: Exchange, in database: Database) async throws -> Response {
        try exchange.requireUser()
        let isWhole = !MultipartDocument.reads(exchange)
        if isWhole { try exchange.requireJSON() }
        let intake = DocumentIntake(database, exchange.limits)
        let received: ReceivedDocument
        if isWhole {
            let text = try await intake.text(of: exchange, to: store)
            guard !text.text.isLocal else {
                let edit = try LocalEdit(parsing: text.text.text, exchange.limits)
                return try await LocalResource(store: store).write(edit, exchange, in: database)
            }
            received = try await intake.receive(text, to: store)
        } else {
            received = try await intake.receive(exchange, to: store)
        }
        var edit = intake.edit(received.document, id: received.document.id ?? .random())
        edit.attachments = received.attachments
        return try await write(edit, exchange, in: database, inBatch: isWhole)
    }

    /// `POST /<database>/<document>` with the form of a web page: attachments for the document that is a field, or for
    /// a revision that a field names.
    func postForm(_ exchange: Exchange, _ id: DocumentID, in database: Database) async throws -> Response {
        try exchange.requireUser()
        try exchange.requireOwnPage()
        let intake = DocumentIntake(database, exchange.limits)
        let form = try await DocumentForm.read(exchange, rules: intake.rules, to: store)
        let edit = try await edit(of: form, id, intake, exchange, in: database)
        return try await write(edit, exchange, in: database)
    }

    /// The document of a form, with its attachments in front of those that it had.
    private func edit(
        of form: DocumentForm,
        _ id: DocumentID,
        _ intake: DocumentIntake,
        _ exchange: Exchange,
        in database: Database
    ) async throws -> DocumentEdit {
        var edit: DocumentEdit
        var others: [EditedAttachment]
        if let text = form.document {
            let document = try intake.document(text, in: text.indices)
            edit = intake.edit(document, id: id, after: try Self.revision(of: document.revision?.revision, exchange))
            others = try await AttachmentIntake(store: store, rules: intake.rules).edited([document])[0]
        } else {
            guard let text = form.revision else { throw CouchError.invalidRevision }
            let request = RevisionRequest(id: id, revision: try RevisionID(parsing: text))
            let found = try await store.fetch([request], from: database, for: exchange.caller)[request]
            guard let found else { throw CouchError.missingRevision }
            edit = DocumentEdit(following: found)
            others = found.attachments.map { .kept($0) }
        }
        let names = Set(form.attachments.map { Array($0.name.utf8) })
        others.removeAll { names.contains(Array($0.name.utf8)) }
        guard form.attachments.count + others.count <= intake.rules.attachmentLimit else {
            throw CouchError.tooManyAttachments(
                "The document has more than \(intake.rules.attachmentLimit) attachments."
            )
        }
        edit.attachments = form.attachments.map { .new($0) } + others
        return edit
    }

    func put(_ exchange: Exchange, _ id: DocumentID, in database: Database) async throws -> Response {
        try exchange.requireUser()
        let isNew = try DocumentQuery(exchange.query).newEdits
        let intake = DocumentIntake(database, exchange.limits)
        let received = try await intake.receive(exchange, to: store)
        // The address names the document; what the body calls it does not count, as in CouchDB.
        let document = received.document
        let revision = try Self.revision(of: document.revision?.revision, exchange)
        var edit = isNew ? intake.edit(document, id: id, after: revision) : try intake.replica(document, id: id)
        edit.attachments = received.attachments
        return try await write(edit, exchange, in: database, inBatch: !MultipartDocument.reads(exchange))
    }

    func delete(_ exchange: Exchange, _ id: DocumentID, in database: Database) async throws -> Response {
        try exchange.requireUser()
        // What the caller does not see is not there, before anything else is looked at.
        _ = try await reader.document(id, DocumentQuery(Query(nil)), in: database, for: exchange.caller)
        let edit = DocumentEdit(
            id: id,
            revision: .next(after: try Self.revision(of: nil, exchange)),
            isDeleted: true,
            body: .empty,
            tags: AskedTags()
        )
        return try await write(edit, exchange, in: database)
    }

    /// `COPY`: the content of a revision becomes another document, or that document's next revision.
    func copy(_ exchange: Exchange, _ id: DocumentID, in database: Database) async throws -> Response {
        try exchange.requireUser()
        let destination = try CopyDestination(exchange.request.headers[HTTPHeader.destination])
        var query = try DocumentQuery(Query(nil))
        query.rev = try Self.revision(of: nil, exchange)
        let source = try await reader.document(id, query, in: database, for: exchange.caller)
        switch destination {
        case .local(let name, let revision):
            let edit = LocalEdit(name: name, body: source.body, revision: revision)
            return try await LocalResource(store: store).write(edit, exchange, in: database)
        case .document(let id, let revision):
            let scan = try JSONScan(received: source.body, in: source.body.indices, limits: database.documentRules.json)
            var edit = DocumentEdit(
                id: id,
                revision: .next(after: revision),
                isDeleted: source.isDeleted,
                body: DocumentBody(bytes: source.body, isFaithfulInJSONB: scan.isFaithfulInJSONB),
                tags: AskedTags(source.tags)
            )
            edit.attachments = source.attachments.map { .kept($0) }
            return try await write(edit, exchange, in: database)
        }
    }

    /// - Parameter inBatch: Whether CouchDB would look at `batch=ok` of such a request.
    func write(
        _ edit: DocumentEdit,
        _ exchange: Exchange,
        in database: Database,
        inBatch: Bool = false
    ) async throws -> Response {
        let outcome = try await store.write(
            [edit],
            to: database,
            by: exchange.writer(to: database, in: store),
            traceID: TraceContext.current?.traceID
        )[0]
        let id = edit.id.text
        // CouchDB writes a batch later, and tells nobody what became of it. Here it is on the disk by now.
        if inBatch, exchange.query["batch"] == "ok" {
            return .json(["ok": true, "id": .string(id)], status: .accepted)
        }
        switch outcome {
        case .refused(let error): throw error
        case .written(let revision):
            return .json(
                ["ok": true, "id": .string(id), "rev": .string(revision.description)],
                status: edit.isDeleted && exchange.method != .post && exchange.method != .copy ? .ok : .created,
                headers: [.eTag: "\"\(revision)\"", .location: exchange.address(of: database.name, id)]
            )
        }
    }

    /// The revision that a write follows: the body, the query and `If-Match` may each name it, but not differently.
    static func revision(of body: RevisionID?, _ exchange: Exchange) throws(CouchError) -> RevisionID? {
        var revision = body
        if let text = exchange.query["rev"] {
            let named = try RevisionID(parsing: text)
            guard revision == nil || revision == named else {
                throw .badRequest("Document rev from request body and query string have different values")
            }
            revision = named
        }
        guard let text = exchange.request.headers[.ifMatch] else { return revision }
        let matched = try RevisionID(parsing: text.trimmingCharacters(in: ["\""]))
        guard revision == nil || revision == matched else {
            throw .badRequest("Document rev and etag have different values")
        }
        return matched
    }
}

/// Where a COPY goes: the id, and the revision that it replaces, of the header `Destination`.
enum CopyDestination: Sendable, Hashable {
    case document(DocumentID, after: RevisionID?)
    /// A local document, by the name behind `_local/` and the number of its revision, 0 for none.
    case local(String, after: Int)

    init(_ header: String?) throws(CouchError) {
        guard let header else { throw .badRequest("Destination header is mandatory for COPY.") }
        guard !header.hasPrefix("http://"), !header.hasPrefix("https://") else {
            throw .badRequest("Destination URL must be relative.")
        }
        let parts = header.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = String(parts[0]).replacingOccurrences(of: "+", with: " ").removingPercentEncoding else {
            throw .badRequest("Destination header is not understood.")
        }
        let id = try DocumentID(name)
        var revision: String?
        if parts.count > 1 {
            guard let rev = Query(String(parts[1]))["rev"] else { throw .invalidRevision }
            revision = rev
        }
        if let name = id.localName {
            let number = try revision.map { text throws(CouchError) in try LocalEdit.number(text) }
            self = .local(name, after: number ?? 0)
        } else {
            let parent = try revision.map { text throws(CouchError) in try RevisionID(parsing: text) }
            self = .document(id, after: parent)
        }
    }
}

extension DocumentID {
    /// An id that nobody else has.
    static func random() -> DocumentID {
        DocumentID(stored: UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: ""))
    }
}
