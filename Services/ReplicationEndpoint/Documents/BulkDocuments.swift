import CouchProtocol
import DocumentStore
import Hummingbird
import JSON
import Telemetry

/// `POST /<database>/_bulk_docs`: many documents at once, each written or refused by itself.
///
/// As in CouchDB, a document that cannot be understood refuses the whole request, and one that may not be written, or
/// conflicts, is refused alone. Other than there, so is one beyond a limit that was made elsewhere: it will never be
/// taken, and must not keep the others of a device from being taken.
struct BulkDocuments: Sendable {
    let store: DocumentStore

    func respond(to exchange: Exchange, in database: Database) async throws -> Response {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        try exchange.requireUser()
        try exchange.requireJSON()
        let body = try await exchange.body()
        let request = try BulkDocumentsRequest(
            parsing: body,
            limits: exchange.limits.json,
            countLimit: exchange.limits.bulkDocs
        )
        let (edits, refused) = try await edits(request, body, exchange, in: database)
        guard !request.isAllOrNothing || !request.makesNewRevisions else { return Self.refusal(of: edits) }
        let outcomes = try await write(edits, exchange, in: database)
        let rows = zip(edits, outcomes).compactMap { edit, outcome -> JSONValue? in
            switch outcome {
            case .refused(let error): Self.row(edit, error, isReplicated: !request.makesNewRevisions)
            case .written(let revision):
                // Of revisions that were made elsewhere only failures have a row.
                request.makesNewRevisions
                    ? ["ok": true, "id": .string(edit.id.text), "rev": .string(revision.description)] : nil
            }
        }
        return .json(.array(refused + rows), status: .created)
    }

    private func edits(
        _ request: BulkDocumentsRequest,
        _ body: [UInt8],
        _ exchange: Exchange,
        in database: Database
    ) async throws -> (edits: [DocumentEdit], refused: [JSONValue]) {
        let intake = DocumentIntake(database, exchange.limits)
        var edits: [DocumentEdit] = []
        edits.reserveCapacity(request.documents.count)
        // The places of the documents with attachments, which are few as a rule.
        var places: [Int] = []
        var withAttachments: [IncomingDocument] = []
        var refused: [JSONValue] = []
        for range in request.documents {
            let document: IncomingDocument
            do throws(CouchError) {
                document = try intake.document(body, in: range)
            } catch {
                guard !request.makesNewRevisions, error.isLimit else { throw error }
                refused.append(try Self.row(of: body, in: range, exchange.limits.json, error))
                continue
            }
            if document.attachments?.isEmpty == false {
                places.append(edits.count)
                withAttachments.append(document)
            }
            let id = document.id ?? .random()
            edits.append(
                request.makesNewRevisions ? intake.edit(document, id: id) : try intake.replica(document, id: id)
            )
        }
        let attachments = try await AttachmentIntake(store: store, rules: intake.rules).edited(withAttachments)
        for (place, attachments) in zip(places, attachments) { edits[place].attachments = attachments }
        return (edits, refused)
    }

    private func write(
        _ edits: [DocumentEdit],
        _ exchange: Exchange,
        in database: Database
    ) async throws -> [EditOutcome] {
        try await store.write(edits, to: database, by: exchange.caller, traceID: TraceContext.current?.traceID)
    }

    /// The answer to `all_or_nothing`, which no CouchDB since 2.0 does.
    private static func refusal(of edits: [DocumentEdit]) -> Response {
        let error = CouchError(
            status: 417,
            error: "not_implemented",
            reason: "all_or_nothing is not supported"
        )
        return .json(.array(edits.map { row($0, error, namesRevision: true) }), status: .expectationFailed)
    }

    private static func row(_ edit: DocumentEdit, _ error: CouchError, isReplicated: Bool) -> JSONValue {
        row(edit, isReplicated ? error.forReplicators : error, namesRevision: isReplicated)
    }

    private static func row(_ edit: DocumentEdit, _ error: CouchError, namesRevision: Bool) -> JSONValue {
        let revision = edit.namedRevision?.description ?? "0-"
        return row(.string(edit.id.text), rev: namesRevision ? .string(revision) : nil, error)
    }

    /// The row of a document that is beyond a limit, and so was not taken apart.
    private static func row(
        of body: [UInt8],
        in range: Range<Int>,
        _ limits: JSONLimits,
        _ error: CouchError
    ) throws(CouchError) -> JSONValue {
        let document = try JSONValue(received: body, in: range, limits: limits)
        guard let id = document["_id"] else { throw error }
        return row(id, rev: document["_rev"], error.forReplicators)
    }

    private static func row(_ id: JSONValue, rev: JSONValue?, _ error: CouchError) -> JSONValue {
        var row: JSONObject = ["id": id]
        if let rev { row["rev"] = rev }
        row["error"] = .string(error.error)
        row["reason"] = .string(error.reason)
        return .object(row)
    }
}

extension CouchError {
    /// Whether something is larger than it may be.
    fileprivate var isLimit: Bool { status == 413 || error == "illegal_docid" }

    /// The error as a row that says to a replicator that trying again is of no use.
    ///
    /// PouchDB goes on behind a document that is `forbidden` or `unauthorized`, and stops at any other row to send all
    /// of it again. Of a stub that stands for nothing (412) replicators send the whole attachment.
    fileprivate var forReplicators: CouchError {
        guard 400..<500 ~= status, status != 401, status != 412, error != "forbidden" else { return self }
        return .forbidden("\(error): \(reason)")
    }
}

extension DocumentEdit {
    /// The revision that the writer names: the one that was made elsewhere, or the one that is followed.
    fileprivate var namedRevision: RevisionID? {
        switch revision {
        case .next(let parent): parent
        case .made(let path): path.revision
        }
    }
}
