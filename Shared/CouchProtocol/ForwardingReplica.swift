/// A replica that is another one, but for the calls that it answers itself.
package protocol ForwardingReplica: Replica {
    associatedtype Base: Replica

    /// The replica that answers all other calls.
    var base: Base { get }
}

extension ForwardingReplica {
    package var identity: String { get async throws { try await base.identity } }

    package func info() async throws -> ReplicaInfo { try await base.info() }

    package func changes(_ request: ChangesRequest) async throws -> ChangesPage { try await base.changes(request) }

    package func changesStream(_ request: ChangesRequest) async throws -> ChangesStream? {
        try await base.changesStream(request)
    }

    package func revisionsDifference(_ revisions: [DocumentRevisions]) async throws -> [MissingRevisions] {
        try await base.revisionsDifference(revisions)
    }

    package func fetch(_ requests: [FetchRequest]) async throws -> [FetchOutcome] { try await base.fetch(requests) }

    package func write(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure] {
        try await base.write(documents)
    }

    package func localDocument(_ name: String) async throws -> LocalDocument? { try await base.localDocument(name) }

    package func putLocalDocument(_ name: String, _ document: LocalDocument) async throws -> String {
        try await base.putLocalDocument(name, document)
    }
}
