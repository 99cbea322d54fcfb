import CouchProtocol
public import Foundation
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
    ///   - revision: The revision that must be the present one; nil for whichever is.
    @discardableResult
    public func putAttachment(
        _ name: String,
        _ content: Data,
        contentType: String = "application/octet-stream",
        to id: String,
        revision: String? = nil
    ) async throws -> Receipt {
        let attachment: JSONValue = [
            "content_type": .string(contentType), "data": .string(Base64.encode(Array(content))),
        ]
        return try await change(id, revision: revision, makes: true) { $0[name] = attachment }
    }

    /// Reads an attachment of a document.
    ///
    /// - Returns: The attachment; nil when there is no such document, or it has none of that name.
    public func attachment(_ name: String, of id: String) async throws -> Attachment? {
        try await FullSyncError.translating {
            try await replica.read { reader in
                let node = try reader.document(DocumentID(stored: id))?.present
                let attachments = try node?.payload.map { try reader.body($0).attachments }
                guard let attachment = attachments?.first(where: { $0.isNamed(name) }) else { return nil }
                return Attachment(
                    name: name,
                    contentType: attachment.contentType,
                    content: Data(try reader.content(attachment))
                )
            }
        }
    }

    /// Takes an attachment away from a document.
    ///
    /// - Throws: ``FullSyncError`` named `not_found` when there is no such document or attachment.
    @discardableResult
    public func deleteAttachment(_ name: String, of id: String, revision: String? = nil) async throws -> Receipt {
        try await change(id, revision: revision, makes: false) { attachments throws(CouchError) in
            guard attachments[name] != nil else { throw .missingAttachment }
            attachments[name] = nil
        }
    }

    /// Writes a document with other attachments.
    private func change(
        _ id: String,
        revision: String?,
        makes: Bool,
        _ body: @escaping @Sendable (inout JSONObject) throws -> Void
    ) async throws -> Receipt {
        let rules = replica.rules
        return try await FullSyncError.translating {
            try await replica.transaction { writer in
                let id = try DocumentID(id)
                let present = try writer.reader.json(id, rules: rules).flatMap {
                    try JSONValue(parsing: $0).objectValue
                }
                guard makes || present != nil else { throw CouchError.missing }
                var document = present ?? ["_id": .string(id.text)]
                if let revision { document["_rev"] = .string(revision) }
                var attachments = document["_attachments"]?.objectValue ?? [:]
                try body(&attachments)
                document["_attachments"] = .object(attachments)
                return try Post(document: document, policy: .none).run(in: &writer)
            }
        }
    }
}
