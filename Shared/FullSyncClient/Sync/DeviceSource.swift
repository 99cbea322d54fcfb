import CouchProtocol

/// A device's database as the source of a push: of its changes those of documents that it has edited itself.
///
/// What was only pulled is on the server, so a push does not ask about it.
struct DeviceSource: ForwardingReplica {
    let device: SQLiteReplica

    var base: SQLiteReplica { device }

    func changes(_ request: ChangesRequest) async throws -> ChangesPage {
        try await device.changes(request, ofDevice: true)
    }
}
