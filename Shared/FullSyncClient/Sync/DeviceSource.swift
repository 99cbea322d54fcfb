import CouchProtocol

/// A device's database as the source of a push: of its changes those of documents that it has edited itself.
///
/// What was only pulled is on the server, so a push does not ask about it.
struct DeviceSource: Replica {
    let device: SQLiteReplica

    var identity: String { device.identity }

    func info() async throws -> ReplicaInfo { try await device.info() }

    func changes(_ request: ChangesRequest) async throws -> ChangesPage {
        try await device.changes(request, ofDevice: true)
    }

    func revisionsDifference(_ revisions: [DocumentRevisions]) async throws -> [MissingRevisions] {
        try await device.revisionsDifference(revisions)
    }

    func fetch(_ requests: [FetchRequest]) async throws -> [FetchOutcome] { try await device.fetch(requests) }

    func write(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure] { try await device.write(documents) }

    func localDocument(_ name: String) async throws -> LocalDocument? { try await device.localDocument(name) }

    func putLocalDocument(_ name: String, _ document: LocalDocument) async throws -> String {
        try await device.putLocalDocument(name, document)
    }
}
