import CouchProtocol
import Foundation
import GRDB
public import JSON

extension FullSyncDatabase {
    /// An edit that the server did not take, and why; it is still the document on this device.
    ///
    /// A further edit of the document is pushed again and takes it off the list, and so does
    /// ``FullSyncDatabase/retryRefusedEdits()``.
    public struct RefusedEdit: Hashable, Sendable {
        /// The document.
        public let id: String
        /// The revision that was refused.
        public let revision: String
        /// The server's answer, such as `forbidden`.
        public let error: String
        /// The server's words for people.
        public let reason: String
    }

    /// An edit of a document that the user may no longer read, which was not on the server when that became known.
    ///
    /// The document has left the database; the edit is kept here until the application forgets it.
    public struct KeptEdit: Hashable, Sendable, Identifiable {
        /// Names the entry of the list.
        public let id: Int
        /// The document.
        public let documentID: String
        /// The revision that the edit made.
        public let revision: String
        /// The whole document as it was edited; empty when it cannot be read any more (``damage``).
        ///
        /// Its attachments are described; what they hold is read by ``FullSyncDatabase/attachment(_:of:)-swift.method``
        /// and ``FullSyncDatabase/copyAttachment(_:of:to:)``.
        public let document: JSONObject
        /// Why the document cannot be read any more, as where the file is damaged; nil when it can.
        public let damage: String?
    }

    /// Lists the edits that the server refused.
    public func refusedEdits() async throws -> [RefusedEdit] {
        try await FullSyncError.translating {
            try await replica.read { reader in
                try GRDB.Row.fetchAll(reader.db, sql: "SELECT id, revision, error, reason FROM refusals ORDER BY id")
                    .map { RefusedEdit(id: $0[0], revision: $0[1], error: $0[2], reason: $0[3]) }
            }
        }
    }

    /// Offers all refused edits to the server again at the next push, such as after rights were given.
    public func retryRefusedEdits() async throws {
        try await FullSyncError.translating {
            try await replica.transaction { writer in
                for text in try String.fetchAll(writer.db, sql: "SELECT DISTINCT id FROM refusals") {
                    let id = DocumentID(stored: text)
                    guard let document = try writer.reader.document(id) else { continue }
                    try writer.save(id, document, before: [])
                    try writer.forgetRefusals(of: id)
                }
            }
        }
    }

    /// Lists the edits of documents that left the device before they were pushed, oldest first.
    ///
    /// One that cannot be read is listed without its document, and hides no other.
    public func keptEdits() async throws -> [KeptEdit] {
        try await FullSyncError.translating {
            try await replica.read { reader in
                try GRDB.Row.fetchAll(
                    reader.db,
                    sql: "SELECT number, id, revision, document FROM kept_edits ORDER BY number"
                )
                .map { row in
                    let document = Self.document(row[3], reader.vault)
                    return KeptEdit(
                        id: row[0],
                        documentID: row[1],
                        revision: row[2],
                        document: (try? document.get()) ?? [:],
                        damage: document.failure.map { "\($0)" }
                    )
                }
            }
        }
    }

    /// The document of an edit that was kept.
    private static func document(_ column: Data, _ vault: Vault) -> Result<JSONObject, any Error> {
        Result {
            let value = try JSONValue(parsing: try vault.opened(column), limits: .unlimited)
            guard let document = value.objectValue else { throw CouchError.badRequest("It is no JSON object.") }
            return document
        }
    }

    /// Forgets an edit that was kept.
    public func forget(_ edit: KeptEdit) async throws {
        try await FullSyncError.translating {
            try await replica.transaction { writer in
                try writer.forgetKeptEdit(edit.id)
            }
        }
    }
}

extension Result {
    fileprivate var failure: Failure? {
        guard case .failure(let failure) = self else { return nil }
        return failure
    }
}
