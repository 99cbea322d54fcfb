import DocumentStore
import Hummingbird

/// `POST /_fullsync/incarnations`: an administrator says that PostgreSQL was restored from a backup.
struct IncarnationResource: Sendable {
    let store: DocumentStore

    func respond(to exchange: Exchange) async throws -> Response {
        try exchange.requireAdministrator()
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        try exchange.requireJSON()
        try await store.renewIncarnations()
        return .ok()
    }
}
