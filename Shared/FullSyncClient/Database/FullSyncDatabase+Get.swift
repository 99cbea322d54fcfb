import CouchProtocol
import Foundation
public import JSON

/// What else than a document's members is to be read with it.
public struct GetOptions: Hashable, Sendable {
    /// The revision to read; nil for the present one.
    public var revision: String?
    /// Whether the names of the revisions before are told, in `_revisions`.
    public var includesHistory = false
    /// Whether the revisions before are told with what is known of each, in `_revs_info`.
    public var includesHistoryStatus = false
    /// Whether revisions that conflict with the present one are told, in `_conflicts`.
    public var includesConflicts = false
    /// Whether the contents of attachments are read, as Base64 in `data`; else they are described alone.
    public var includesAttachments = false

    /// The document's members alone, as they are now.
    public init() {}
}

extension FullSyncDatabase {
    /// Reads a document.
    ///
    /// - Returns: Its members with `_id`, `_rev` and what the options ask for; nil when there is no such document, it
    ///   is deleted, or the revision asked for is not kept here.
    public func get(_ id: String, _ options: GetOptions = GetOptions()) async throws -> JSONObject? {
        guard let bytes = try await bytes(id, options) else { return nil }
        return try JSONValue(parsing: bytes, limits: .unlimited).objectValue
    }

    /// Reads a document as a value of the application.
    ///
    /// - Returns: The value; nil when there is no such document.
    /// - Throws: `DecodingError` when the document is not what the type asks for.
    public func get<Value: Decodable>(_ id: String, as type: Value.Type) async throws -> Value? {
        guard let bytes = try await bytes(id, GetOptions()) else { return nil }
        return try JSONDecoder().decode(type, from: Data(bytes))
    }

    /// Reads all revisions that a document has now: the present one first, then those that conflict with it, then
    /// deleted ones.
    ///
    /// - Parameter options: What is read of each; a revision in it does not count.
    public func leaves(of id: String, _ options: GetOptions = GetOptions()) async throws -> [JSONObject] {
        let (id, rules) = (DocumentID(stored: id), replica.rules)
        return try await FullSyncError.translating {
            try await replica.read { reader in
                try reader.document(id)?.tree.leaves.compactMap { node in
                    try reader.json(id, node.id, options, rules: rules).flatMap {
                        try JSONValue(parsing: $0, limits: .unlimited).objectValue
                    }
                } ?? []
            }
        }
    }

    private func bytes(_ id: String, _ options: GetOptions) async throws -> [UInt8]? {
        let rules = replica.rules
        return try await FullSyncError.translating {
            let revision = try options.revision.map { text throws(CouchError) in try RevisionID(parsing: text) }
            return try await replica.read { reader in
                try reader.json(DocumentID(stored: id), revision, options, rules: rules)
            }
        }
    }
}

extension StoreReader {
    /// A document as JSON; nil when it is not there.
    func json(
        _ id: DocumentID,
        _ revision: RevisionID? = nil,
        _ options: GetOptions = GetOptions(),
        rules: DocumentRules
    ) throws -> [UInt8]? {
        guard let document = try document(id) else { return nil }
        guard let node = revision.map({ document.tree[$0] }) ?? document.present, let number = node.payload else {
            return nil
        }
        let body = try body(number)
        let contents = options.includesAttachments ? try body.attachments.map { try content($0) } : nil
        return body.json(id, node, rules: rules) { output in
            if options.includesHistory { output.revisions = document.tree.path(to: node.id) }
            if options.includesHistoryStatus {
                output.revisionsInfo = document.tree.ancestry(of: node.id).map {
                    .init(revision: $0.id, status: "\($0.status)")
                }
            }
            if options.includesConflicts { output.conflicts = document.tree.conflicts }
            for (place, content) in (contents ?? []).enumerated() {
                output.attachments[place].content = .inline(content)
            }
        }
    }
}
