import CouchProtocol
import GRDB
import JSON

/// The documents that pulls have passed over because the server failed with them.
///
/// They stand in a local document, by servers: the place of a pull is behind them, and nothing else knows of them.
/// Those of a server that has another address by now stay, as a pull from there would go on behind them.
extension SQLiteReplica {
    private static let passedOver = "fullsync-passed-over"

    /// The documents of a server that are to be asked for again, in the order of their ids.
    func passedOver(of server: String) async throws -> [DocumentID] {
        try await read { reader in
            let known = try reader.localDocument(Self.passedOver)?.body[server]?.arrayValue ?? []
            return known.compactMap { $0.stringValue.map { DocumentID(stored: $0) } }
        }
    }

    /// Notes documents that are to be asked for again.
    func notePassedOver(_ ids: [DocumentID], of server: String) async throws {
        try await changePassedOver(of: server) { $0.formUnion(ids) }
    }

    /// Forgets that a document was passed over: it has come, or is not there any more.
    func forgetPassedOver(_ id: DocumentID, of server: String) async throws {
        try await changePassedOver(of: server) { $0.remove(id) }
    }

    private func changePassedOver(
        of server: String,
        _ change: @escaping @Sendable (inout Set<DocumentID>) -> Void
    ) async throws {
        try await transaction { writer in
            let present = try writer.reader.localDocument(Self.passedOver)
            var body = present?.body ?? [:]
            var ids = Set((body[server]?.arrayValue ?? []).compactMap(\.stringValue).map { DocumentID(stored: $0) })
            change(&ids)
            body[server] = ids.isEmpty ? nil : .array(ids.sorted().map { .string($0.text) })
            let revision = present.map { "0-\($0.revision)" }
            _ = try Self.put(Self.passedOver, LocalDocument(revision: revision, body: body), in: writer.db)
        }
    }
}
