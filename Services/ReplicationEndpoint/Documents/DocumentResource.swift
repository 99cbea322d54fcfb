import CouchProtocol
import DocumentStore
import Foundation
import HTTPTypes
import Hummingbird
import JSON
import Telemetry

/// `/<database>/<document>`: read, write and delete one document.
struct DocumentResource: Sendable {
    let store: DocumentStore

    func respond(to exchange: Exchange, _ id: DocumentID, in database: Database) async throws -> Response {
        switch exchange.method {
        case .get, .head: try await read(exchange, id, in: database)
        case .put: try await put(exchange, id, in: database)
        case .delete: try await delete(exchange, id, in: database)
        default: throw exchange.methodNotAllowed("DELETE", "GET", "HEAD", "PUT")
        }
    }

    /// `POST /<database>`: a document whose id the server makes where it has none.
    func post(_ exchange: Exchange, in database: Database) async throws -> Response {
        let body = try await exchange.body()
        let intake = DocumentIntake(database)
        let document = try intake.document(body, in: body.indices)
        let id = document.id ?? .random()
        return try await write(intake.edit(document, id: id), exchange, in: database)
    }

    private func put(_ exchange: Exchange, _ id: DocumentID, in database: Database) async throws -> Response {
        let body = try await exchange.body()
        let intake = DocumentIntake(database)
        let document = try intake.document(body, in: body.indices)
        if let named = document.id, named != id {
            throw CouchError.badRequest("Document id must match the one in the address")
        }
        guard exchange.query["new_edits"] != "false" else {
            return try await write(try intake.replica(document, id: id), exchange, in: database)
        }
        let parent = try revisionNamed(by: exchange)
        if let parent, let own = document.revision, own.revision != parent {
            throw CouchError.badRequest("Document rev from request body and query string have different values")
        }
        return try await write(intake.edit(document, id: id, after: parent), exchange, in: database)
    }

    private func delete(_ exchange: Exchange, _ id: DocumentID, in database: Database) async throws -> Response {
        let edit = DocumentEdit(
            id: id,
            revision: .next(after: try revisionNamed(by: exchange)),
            isDeleted: true,
            body: .empty,
            tags: AskedTags()
        )
        guard try await store.document(id, in: database, for: exchange.caller)?.isDeleted == false else {
            throw CouchError.missing
        }
        return try await write(edit, exchange, in: database)
    }

    private func write(_ edit: DocumentEdit, _ exchange: Exchange, in database: Database) async throws -> Response {
        let outcomes = try await store.write(
            [edit],
            to: database,
            by: exchange.caller,
            traceID: TraceContext.current?.traceID
        )
        switch outcomes[0] {
        case .refused(let error): throw error
        case .written(let revision):
            let answer: JSONValue = [
                "ok": true, "id": .string(edit.id.text), "rev": .string(revision.description),
            ]
            let status: HTTPResponse.Status = edit.isDeleted && exchange.method == .delete ? .ok : .created
            return .json(answer, status: status, headers: [.eTag: "\"\(revision)\""])
        }
    }

    private func read(_ exchange: Exchange, _ id: DocumentID, in database: Database) async throws -> Response {
        let query = exchange.query
        let found: StoredRevision?
        if let text = query["rev"] {
            let request = RevisionRequest(id: id, revision: try RevisionID(parsing: text))
            found = try await store.fetch([request], from: database, for: exchange.caller)[request]
        } else {
            found = try await store.document(id, in: database, for: exchange.caller)
        }
        guard let found else { throw CouchError.missing }
        guard !found.isDeleted || query["rev"] != nil else { throw CouchError.deleted }
        let tag = "\"\(found.revision)\""
        guard exchange.request.headers[.ifNoneMatch] != tag else {
            return Response(status: .notModified, headers: [.eTag: tag])
        }
        var document = OutgoingDocument(found)
        if try query.bool("revs") { document.revisions = found.tree?.path(to: found.revision) }
        if try query.bool("conflicts") {
            document.conflicts = found.visibleConflicts(for: exchange.caller, database)
        }
        return .json(document.bytes(database), headers: [.eTag: tag])
    }

    /// The revision that the query or `If-Match` names.
    private func revisionNamed(by exchange: Exchange) throws(CouchError) -> RevisionID? {
        if let text = exchange.query["rev"] { return try RevisionID(parsing: text) }
        guard let text = exchange.request.headers[.ifMatch] else { return nil }
        return try RevisionID(parsing: text.trimmingCharacters(in: ["\""]))
    }
}

extension OutgoingDocument {
    /// The document of a stored revision.
    init(_ stored: StoredRevision) {
        self.init(id: stored.id, revision: stored.revision, body: stored.body)
        isDeleted = stored.isDeleted
        owner = stored.tags.owner
        groups = stored.tags.groups
    }

    /// The document as JSON, by the database's names for its tags.
    func bytes(_ database: Database) -> [UInt8] {
        var output: [UInt8] = []
        write(to: &output, rules: database.documentRules)
        return output
    }
}

extension StoredRevision {
    /// The live leaves beside this one that the caller may read.
    func visibleConflicts(for caller: Caller, _ database: Database) -> [RevisionID] {
        let rules = AccessRules(database.settings)
        return (tree?.leaves ?? []).filter { leaf in
            leaf.id != revision && !leaf.isDeleted && rules.mayRead(leaf.payload ?? .none, caller)
        }
        .map(\.id)
    }
}

extension DocumentID {
    /// An id that nobody else has.
    static func random() -> DocumentID {
        DocumentID(stored: UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: ""))
    }
}
