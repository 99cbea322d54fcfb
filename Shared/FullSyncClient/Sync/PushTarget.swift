import CouchProtocol

/// The server as the target of a push: what it refuses is noted on the device before the push goes on, so that no end
/// of the process loses it.
struct PushTarget: Replica {
    let server: any Replica
    let device: SQLiteReplica

    var identity: String { get async throws { try await server.identity } }

    func info() async throws -> ReplicaInfo { try await server.info() }

    func changes(_ request: ChangesRequest) async throws -> ChangesPage { try await server.changes(request) }

    func revisionsDifference(_ revisions: [DocumentRevisions]) async throws -> [MissingRevisions] {
        try await server.revisionsDifference(revisions)
    }

    func fetch(_ requests: [FetchRequest]) async throws -> [FetchOutcome] { try await server.fetch(requests) }

    func write(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure] {
        let failures = try await server.write(documents)
        // What may pass, or passes after a login, is no answer to the edit.
        let refused = failures.filter { $0.error.status != 401 && !RetryPolicy.mayPass($0.error) }
        if !refused.isEmpty {
            try await device.transaction { writer in
                for failure in refused {
                    let sent = documents.first { $0.id == failure.id }
                    guard let revision = failure.revision ?? sent?.path.revision else { continue }
                    try writer.refuse(failure.id, revision, failure.error)
                }
            }
        }
        return failures
    }

    func localDocument(_ name: String) async throws -> LocalDocument? { try await server.localDocument(name) }

    func putLocalDocument(_ name: String, _ document: LocalDocument) async throws -> String {
        try await server.putLocalDocument(name, document)
    }
}
