import CouchProtocol
import DesignFunctions
import DocumentStore
import Hummingbird
import JSON
import ScriptHosting

/// Finds the functions of design documents for requests, and says what they are told of these.
struct DesignResource: Sendable {
    let store: DocumentStore
    let scripts: ScriptHostPool

    func respond(
        to exchange: Exchange,
        design name: String,
        _ function: DesignFunction,
        in database: Database
    ) async throws -> Response {
        switch function {
        case .update(let function, let document):
            return try await UpdateFunction(designs: self, name: function)
                .respond(to: exchange, design: name, document: document, in: database)
        case .gone(let kind): throw Self.gone(kind)
        }
    }

    /// The design document of that name.
    ///
    /// - Throws: 404 when there is none for the caller.
    func design(_ name: String, in database: Database, for caller: Caller) async throws -> DesignDocument {
        let id = DocumentID.design(name)
        guard let found = try await store.document(id, in: database, for: caller) else { throw CouchError.missing }
        guard !found.isDeleted else { throw CouchError.deleted }
        return DesignDocument(id, body: found.body)
    }

    private static func gone(_ kind: String) -> CouchError {
        CouchError(
            status: 410,
            error: "gone",
            reason: "\(kind) functions are deprecated in CouchDB and are not run here. "
                + "Read the document or the view, and render it on the client."
        )
    }
}
