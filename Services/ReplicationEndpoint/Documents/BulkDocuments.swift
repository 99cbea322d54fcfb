import CouchProtocol
import DocumentStore
import Hummingbird
import JSON
import Telemetry

/// `POST /<database>/_bulk_docs`: many documents at once, each written or refused by itself.
struct BulkDocuments: Sendable {
    let store: DocumentStore

    func respond(to exchange: Exchange, in database: Database) async throws -> Response {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        let body = try await exchange.body()
        let request = try BulkDocumentsRequest(parsing: body, limits: exchange.limits.json)
        let intake = DocumentIntake(database)
        var edits: [DocumentEdit] = []
        // What becomes of each document: the place of its edit, or the error that it met before.
        var fates: [Result<Int, RefusedDocument>] = []
        for range in request.documents {
            let document = try intake.document(body, in: range)
            let id = document.id ?? .random()
            do throws(CouchError) {
                let isNew = request.makesNewRevisions
                edits.append(isNew ? intake.edit(document, id: id) : try intake.replica(document, id: id))
                fates.append(.success(edits.count - 1))
            } catch {
                fates.append(.failure(RefusedDocument(id: id, error: error)))
            }
        }
        let outcomes = try await store.write(
            edits,
            to: database,
            by: exchange.caller,
            traceID: TraceContext.current?.traceID
        )
        let rows = fates.compactMap { fate -> JSONValue? in
            switch fate {
            case .failure(let refused): refused.json
            case .success(let place): row(edits[place].id, outcomes[place], isNew: request.makesNewRevisions)
            }
        }
        return .json(.array(rows), status: .created)
    }

    /// The row of a document; with `new_edits=false` only failures have one, as in CouchDB.
    private func row(_ id: DocumentID, _ outcome: EditOutcome, isNew: Bool) -> JSONValue? {
        switch outcome {
        case .refused(let error): RefusedDocument(id: id, error: error).json
        case .written(let revision):
            isNew ? ["ok": true, "id": .string(id.text), "rev": .string(revision.description)] : nil
        }
    }
}

/// A document that was refused, alone of its batch.
private struct RefusedDocument: Error {
    let id: DocumentID
    let error: CouchError

    var json: JSONValue {
        ["id": .string(id.text), "error": .string(error.error), "reason": .string(error.reason)]
    }
}
