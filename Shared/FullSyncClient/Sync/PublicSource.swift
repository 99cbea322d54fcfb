import CouchProtocol

/// The server as the source of a pull by nobody, who may read what everybody may, and not leave a record of it there.
struct PublicSource: ForwardingReplica {
    let server: ServerWatch
    let device: SQLiteReplica

    var base: ServerWatch { server }

    /// The server's record; where it has none, the device's own, if the places in it name the life of the database
    /// that gave them out: then the server sees by itself whether they mean anything.
    func localDocument(_ name: String) async throws -> LocalDocument? {
        if let known = try await allowed({ try await server.localDocument(name) }) ?? nil { return known }
        guard let own = try await device.localDocument(name),
            Checkpoint(document: own.body).history.first?.recordedSequence.incarnation != nil
        else { return nil }
        return LocalDocument(revision: nil, body: own.body)
    }

    func putLocalDocument(_ name: String, _ document: LocalDocument) async throws -> String {
        // Where the server takes none the device has its own already.
        try await allowed { try await server.putLocalDocument(name, document) } ?? "0-0"
    }

    /// What the server answers; nil when it says that nobody may ask that.
    private func allowed<Value>(_ body: () async throws -> Value) async throws -> Value? {
        do {
            return try await body()
        } catch let error as CouchError where error.status == 401 {
            return nil
        }
    }
}
