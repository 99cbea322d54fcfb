import CouchProtocol
public import Foundation
import GRDB
import JSON

extension FullSyncDatabase {
    /// A file that is part of a document.
    public struct Attachment: Hashable, Sendable {
        /// Its name within the document.
        public let name: String
        /// Its media type, such as `image/jpeg`.
        public let contentType: String
        /// What it holds.
        public let content: Data
    }

    /// Attaches a file to a document, or replaces one; a document that is not there is made.
    ///
    /// - Parameters:
    ///   - name: The attachment's name within the document.
    ///   - content: What it holds, at most 1 GiB.
    ///   - contentType: Its media type.
    ///   - id: The document.
    ///   - revision: The revision that it follows, one of those that the document has now; nil for the present one.
    @discardableResult
    public func putAttachment(
        _ name: String,
        _ content: Data,
        contentType: String = "application/octet-stream",
        to id: String,
        revision: String? = nil
    ) async throws -> Receipt {
        try await attach(name, ContentSource(content), contentType, to: id, revision: revision)
    }

    /// Attaches a file of the disk to a document, or replaces one; it is copied piece by piece, however large it is.
    ///
    /// - Parameters:
    ///   - name: The attachment's name within the document.
    ///   - file: Where its content is, at most 1 GiB.
    ///   - contentType: Its media type.
    ///   - id: The document; one that is not there is made.
    ///   - revision: The revision that it follows, one of those that the document has now; nil for the present one.
    @discardableResult
    public func putAttachment(
        _ name: String,
        from file: URL,
        contentType: String = "application/octet-stream",
        to id: String,
        revision: String? = nil
    ) async throws -> Receipt {
        try await attach(name, ContentSource(file), contentType, to: id, revision: revision)
    }

    /// Reads an attachment of a document.
    ///
    /// - Returns: The attachment; nil when there is no such document, or it has none of that name.
    public func attachment(_ name: String, of id: String) async throws -> Attachment? {
        try await attachment(name) { try $0.present(id) }
    }

    /// Reads an attachment of an edit that was kept aside.
    ///
    /// - Returns: The attachment; nil when the edit has none of that name, or was forgotten.
    public func attachment(_ name: String, of edit: KeptEdit) async throws -> Attachment? {
        try await attachment(name) { try $0.body(of: edit) }
    }

    private func attachment(
        _ name: String,
        _ body: @escaping @Sendable (StoreReader) throws -> BodyNumber?
    ) async throws -> Attachment? {
        try await FullSyncError.translating {
            try await replica.read { reader in
                let attachments = try body(reader).map { try reader.body($0).attachments }
                guard let attachment = attachments?.first(where: { $0.isNamed(name) }) else { return nil }
                return Attachment(
                    name: name,
                    contentType: attachment.contentType,
                    content: Data(try reader.content(attachment))
                )
            }
        }
    }

    /// Copies an attachment of a document into a file, piece by piece, however large it is; a file that is there is
    /// replaced.
    ///
    /// - Returns: The attachment's media type; nil when there is no such document, or it has none of that name.
    public func copyAttachment(_ name: String, of id: String, to file: URL) async throws -> String? {
        try await copyAttachment(name, to: file) { try $0.present(id) }
    }

    /// Copies an attachment of an edit that was kept aside into a file, piece by piece, however large it is; a file
    /// that is there is replaced.
    ///
    /// - Returns: The attachment's media type; nil when the edit has none of that name, or was forgotten.
    public func copyAttachment(_ name: String, of edit: KeptEdit, to file: URL) async throws -> String? {
        try await copyAttachment(name, to: file) { try $0.body(of: edit) }
    }

    private func copyAttachment(
        _ name: String,
        to file: URL,
        of body: @escaping @Sendable (StoreReader) throws -> BodyNumber?
    ) async throws -> String? {
        try await FullSyncError.translating {
            try await replica.read { reader in
                let attachments = try body(reader).map { try reader.body($0).attachments }
                guard let attachment = attachments?.first(where: { $0.isNamed(name) }) else { return nil }
                try Data().write(to: file)
                let handle = try FileHandle(forWritingTo: file)
                defer { try? handle.close() }
                try reader.forEachPiece(of: attachment) { try handle.write(contentsOf: Data($0)) }
                return attachment.contentType
            }
        }
    }

    /// Takes an attachment away from a document.
    ///
    /// - Parameters:
    ///   - name: The attachment's name within the document.
    ///   - id: The document.
    ///   - revision: The revision that it follows, one of those that the document has now; nil for the present one.
    /// - Throws: ``FullSyncError`` named `not_found` when there is no such document or attachment, `conflict` when the
    ///   document has no such revision any more.
    @discardableResult
    public func deleteAttachment(_ name: String, of id: String, revision: String? = nil) async throws -> Receipt {
        try await edit(id, revision: revision) { document, writer in
            var attachments = document?["_attachments"]?.objectValue ?? [:]
            guard attachments[name] != nil else { throw CouchError.missingAttachment }
            attachments[name] = nil
            return (.object(attachments), [])
        }
    }

    private func attach(
        _ name: String,
        _ source: ContentSource,
        _ contentType: String,
        to id: String,
        revision: String?
    ) async throws -> Receipt {
        try await edit(id, revision: revision) { document, writer in
            try IncomingAttachment.check(name: name, lengthLimit: writer.limits.rules.attachmentNameLimit)
            let content = try writer.insert(source)
            let attachment = StoredAttachment(
                name: name,
                contentType: IncomingAttachment.type(contentType),
                revisionPosition: 0,
                digest: content.digest,
                length: content.length,
                content: content.number
            )
            return (document?["_attachments"], [attachment])
        }
    }

    /// Writes a document with other attachments.
    ///
    /// - Parameters:
    ///   - revision: The leaf that is written over, with the members that it has; nil for the winner.
    ///   - body: Is given the document, nil when there is none, and returns its `_attachments` and those that are new.
    private func edit(
        _ id: String,
        revision: String?,
        _ body: @escaping @Sendable (JSONObject?, StoreWriter) throws -> (JSONValue?, [StoredAttachment])
    ) async throws -> Receipt {
        let rules = replica.rules
        return try await FullSyncError.translating {
            try await replica.transaction { writer in
                let id = try DocumentID(id)
                let named = try revision.map { text throws(CouchError) in try RevisionID(parsing: text) }
                let present = try writer.reader.json(id, named, rules: rules).flatMap {
                    try JSONValue(parsing: $0, limits: .unlimited).objectValue
                }
                guard named == nil || present != nil else { throw CouchError.conflict }
                let (listed, attached) = try body(present, writer)
                var document = present ?? ["_id": .string(id.text)]
                document["_attachments"] = listed
                let incoming = try IncomingDocument(parsing: JSONValue.object(document).bytes, rules: rules)
                let written = try writer.edit(id, incoming, attaching: attached)
                return Receipt(id: id.text, revision: written.description)
            }
        }
    }
}

extension StoreReader {
    /// The body of a document as it is now.
    fileprivate func present(_ id: String) throws -> BodyNumber? {
        try document(DocumentID(stored: id))?.present?.payload
    }

    /// The body that has the attachments of an edit that was kept aside.
    fileprivate func body(of edit: FullSyncDatabase.KeptEdit) throws -> BodyNumber? {
        let statement = try db.cachedStatement(sql: "SELECT body FROM kept_edits WHERE number = ? AND revision = ?")
        return try Int64.fetchOne(statement, arguments: [edit.id, edit.revision]).map { BodyNumber($0) }
    }
}
