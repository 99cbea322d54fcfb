import CouchProtocol
import Foundation
public import JSON

extension FullSyncDatabase {
    /// The document and the revision that a write has made.
    public struct Receipt: Hashable, Sendable {
        /// The document.
        public let id: String
        /// Its new revision.
        public let revision: String
    }

    /// Writes a document.
    ///
    /// - Parameters:
    ///   - document: Its members; `_id` names it, or it gets a new name. `_attachments` as CouchDB has it: with `data`
    ///     in Base64, or `stub` for what is to stay.
    ///   - policy: What happens to a document that exists already.
    /// - Throws: ``FullSyncError`` named `conflict` when the policy is ``PostPolicy/none`` and `_rev` is not the
    ///   present revision; `illegal_docid`, `doc_validation` or `document_too_large` when it cannot be a document.
    @discardableResult
    public func post(_ document: JSONObject, policy: PostPolicy = .none) async throws -> Receipt {
        try await post(Post(document: document, policy: policy))
    }

    /// Writes a value of the application as a document.
    ///
    /// - Parameters:
    ///   - value: Encodes itself as a JSON object, which can have members `_id` and `_rev`.
    ///   - id: Names the document; nil when the value does, or for a new name.
    ///   - policy: What happens to a document that exists already.
    @discardableResult
    public func post(
        encoding value: some Encodable,
        id: String? = nil,
        policy: PostPolicy = .override
    ) async throws -> Receipt {
        let encoded = try JSONValue(parsing: Array(try JSONEncoder().encode(value)))
        guard var document = encoded.objectValue else { throw FullSyncError(.documentNotObject) }
        if let id { document["_id"] = .string(id) }
        return try await post(document, policy: policy)
    }

    func post(_ post: Post) async throws -> Receipt {
        try await FullSyncError.translating {
            try await replica.transaction { writer in try post.run(in: &writer) }
        }
    }

    /// What became of one document of many.
    public enum BulkOutcome: Sendable {
        /// It is written.
        case written(Receipt)
        /// It was refused, alone of all.
        case refused(id: String?, FullSyncError)
    }

    /// Writes many documents in one transaction, which is much faster than one by one.
    ///
    /// - Returns: What became of each, in their order.
    @discardableResult
    public func bulk(_ documents: [JSONObject], policy: PostPolicy = .none) async throws -> [BulkOutcome] {
        try await FullSyncError.translating {
            try await replica.transaction { writer in
                try documents.map { document in
                    do {
                        let post = Post(document: document, policy: policy)
                        return .written(try writer.step { try post.run(in: &$0) })
                    } catch let error as CouchError {
                        return .refused(id: document["_id"]?.stringValue, FullSyncError(error))
                    }
                }
            }
        }
    }

    /// Deletes a document.
    ///
    /// - Parameters:
    ///   - id: The document.
    ///   - revision: The revision that must be the present one; nil for whichever is.
    /// - Throws: ``FullSyncError`` named `not_found` when there is none, `conflict` when the revision is another.
    @discardableResult
    public func delete(_ id: String, revision: String? = nil) async throws -> Receipt {
        try await FullSyncError.translating {
            try await replica.transaction { writer in
                let id = DocumentID(stored: id)
                guard let stored = try writer.reader.document(id) else { throw CouchError.missing }
                let named = try revision.map { text throws(CouchError) in try RevisionID(parsing: text) }
                guard let parent = named ?? stored.present?.id else { throw CouchError.deleted }
                guard let number = stored.tree[parent]?.payload else { throw CouchError.conflict }
                let present = try writer.reader.body(number)
                var edit = IncomingDocument()
                edit.revision = RevisionPath(parent)
                edit.isDeleted = true
                // The tombstone belongs to whom the document belonged to.
                edit.owner = present.owner
                edit.groups = present.groups
                return Receipt(id: id.text, revision: try writer.edit(id, edit).description)
            }
        }
    }
}
