import CouchProtocol
import DocumentStore
import Hummingbird

/// `/<database>/<document>`: read, write, copy and delete one document.
struct DocumentResource: Sendable {
    let reader: DocumentReader
    let writer: DocumentWriter

    init(store: DocumentStore) {
        reader = DocumentReader(store: store)
        writer = DocumentWriter(store: store, reader: reader)
    }

    func respond(to exchange: Exchange, _ id: DocumentID, in database: Database) async throws -> Response {
        switch exchange.method {
        case .get, .head: try await reader.read(exchange, id, in: database)
        case .post: try await writer.postForm(exchange, id, in: database)
        case .put: try await writer.put(exchange, id, in: database)
        case .delete: try await writer.delete(exchange, id, in: database)
        case .copy: try await writer.copy(exchange, id, in: database)
        default: throw exchange.methodNotAllowed("DELETE", "GET", "HEAD", "POST", "PUT", "COPY")
        }
    }
}
