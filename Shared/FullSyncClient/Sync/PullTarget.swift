import CouchProtocol

/// The device as the target of a pull: of the documents that are passed over, because the server fails with the
/// contents of their attachments, it takes a note before the pull goes on, so that they are asked for again later.
struct PullTarget: ForwardingReplica {
    let base: SQLiteReplica
    let server: ServerWatch

    func write(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure] {
        let failures = try await base.write(documents)
        let passedOver = failures.filter(\.error.isPassedOver).map(\.id)
        if !passedOver.isEmpty { try await base.notePassedOver(passedOver, of: try await server.identity) }
        return failures
    }
}
