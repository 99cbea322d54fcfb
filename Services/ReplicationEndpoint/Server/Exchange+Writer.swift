import CouchProtocol
import DocumentStore

extension Exchange {
    /// Who writes what the request's body holds, now that the body is there.
    ///
    /// A body of gigabytes arrives for minutes: the right to write may have ended since the request was admitted, and
    /// the sender's groups may be others.
    ///
    /// - Throws: `unauthorized` when the session, the token or the password does not hold any more, and what
    ///   ``DocumentStore/openDatabase(_:for:)`` throws; `not_found`, too, when another database has the name now.
    func writer(to database: Database, in store: DocumentStore) async throws -> Caller {
        guard let sender = try await sender() else {
            throw CouchError.unauthorized("Your right to write ended while the request arrived.")
        }
        let present = try await store.openDatabase(database.name, for: sender.caller)
        guard present.id == database.id else { throw CouchError.noDatabase }
        return sender.caller
    }
}
