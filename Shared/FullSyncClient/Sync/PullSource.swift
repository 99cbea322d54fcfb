import CouchProtocol

/// The server as the source of a pull: of the documents that are passed over, because the server fails with them, the
/// device takes a note before the pull goes on, so that they are asked for again later.
struct PullSource<Base: Replica>: ForwardingReplica {
    let base: Base
    let device: SQLiteReplica

    func fetch(_ requests: [FetchRequest]) async throws -> [FetchOutcome] {
        let outcomes = try await base.fetch(requests)
        let passedOver = outcomes.compactMap { outcome -> DocumentID? in
            guard case .failure(let id, _, let error) = outcome, error.isPassedOver else { return nil }
            return id
        }
        if !passedOver.isEmpty { try await device.notePassedOver(passedOver, of: try await base.identity) }
        return outcomes
    }
}
