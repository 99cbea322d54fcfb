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
        /// The whole document as it was edited.
        ///
        /// Its attachments are described; what they hold is read by ``FullSyncDatabase/attachment(_:of:)-swift.method``
        /// and ``FullSyncDatabase/copyAttachment(_:of:to:)``.
        public let document: JSONObject
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
    public func keptEdits() async throws -> [KeptEdit] {
        try await FullSyncError.translating {
            try await replica.read { reader in
                try GRDB.Row.fetchAll(
                    reader.db,
                    sql: "SELECT number, id, revision, document FROM kept_edits ORDER BY number"
                )
                .map { row in
                    KeptEdit(
                        id: row[0],
                        documentID: row[1],
                        revision: row[2],
                        document: try JSONValue(parsing: try reader.vault.opened(row[3]), limits: .unlimited)
                            .objectValue ?? [:]
                    )
                }
            }
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
