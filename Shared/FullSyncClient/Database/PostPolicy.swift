import CouchProtocol
import Foundation
import JSON

/// What a post does with a document that exists already.
public enum PostPolicy: String, Hashable, Sendable, CaseIterable {
    /// The document's `_rev` names the revision that it replaces; when the document has changed since, the post is
    /// refused as a conflict.
    case none
    /// A new document is made each time, whatever `_id` and `_rev` say.
    case create
    /// The new members take the place of all old ones, whatever the revision is.
    ///
    /// Whom the document belongs to (`~owner`, `~groups`) stays unless the new members say it, so that nobody loses a
    /// document because an application did not think of that; an empty `~groups` takes the groups away.
    case override
    /// The new members go over the old ones, and nothing is deleted.
    ///
    /// Objects are merged member by member and arrays place by place; null leaves the old value.
    case merge
}

/// The new members over the old ones, by the rules of the policy `merge` on a device.
enum DocumentMerge {
    /// The merged value.
    ///
    /// What is of another type than before takes its place. It goes no deeper than the shallower of the two.
    static func merge(_ new: JSONValue, over old: JSONValue) -> JSONValue {
        switch (old, new) {
        case (_, .null): old
        case (.object(let under), .object(let over)): .object(merge(over, over: under))
        case (.array(let under), .array(let over)):
            .array(
                zip(under, over).map { merge($0.1, over: $0.0) }
                    + under.dropFirst(over.count) + over.dropFirst(under.count)
            )
        default: new
        }
    }

    /// The merged members.
    static func merge(_ new: JSONObject, over old: JSONObject) -> JSONObject {
        var merged = old
        for (name, value) in new {
            guard let before = old[name] else {
                if !value.isNull { merged[name] = value }
                continue
            }
            merged[name] = merge(value, over: before)
        }
        return merged
    }
}

/// A document that is to be posted, and how.
struct Post: Sendable {
    var document: JSONObject
    var policy: PostPolicy
    /// What the policy `merge` does otherwise than everywhere else.
    var rules: [MergeRule] = []

    /// Makes the edit that the post comes to over the document as it is.
    func run(in writer: inout StoreWriter) throws -> FullSyncDatabase.Receipt {
        var document = document
        if policy == .create {
            document["_id"] = nil
            document["_rev"] = nil
        }
        let id = try Self.id(of: document) ?? DocumentID(stored: UUID().uuidString.lowercased())
        document["_id"] = .string(id.text)
        if policy == .override || policy == .merge {
            document["_rev"] = nil
            if let stored = try writer.reader.document(id), let node = stored.present, let number = node.payload {
                let present = try writer.reader.body(number)
                document["_rev"] = .string(node.id.description)
                document = try over(present, document, writer.limits.rules)
            }
        }
        let incoming = try IncomingDocument(
            parsing: JSONValue.object(document).bytes,
            rules: writer.limits.rules
        )
        return .init(id: id.text, revision: try writer.edit(id, incoming).description)
    }

    private static func id(of document: JSONObject) throws -> DocumentID? {
        guard let value = document["_id"], !value.isNull else { return nil }
        guard let text = value.stringValue else { throw CouchError.illegalDocumentID("Document id must be a string") }
        return try DocumentID(text)
    }

    /// The document over the present one.
    ///
    /// Whom it belongs to stays, unless the new document says it.
    private func over(
        _ present: StoredBody,
        _ document: JSONObject,
        _ names: DocumentRules
    ) throws -> JSONObject {
        var result = document
        if document[names.ownerMember] == nil { result[names.ownerMember] = present.owner.map { .string($0) } }
        if document[names.groupsMember] == nil, !present.groups.isEmpty {
            result[names.groupsMember] = .array(present.groups.map { .string($0) })
        }
        guard policy == .merge else { return result }
        let isOwn = { (name: String) in
            !name.hasPrefix("_") && name != names.ownerMember && name != names.groupsMember
        }
        let new = JSONObject(document.filter { isOwn($0.0) })
        let old = try JSONValue(parsing: present.body, limits: .unlimited).objectValue ?? [:]
        let merged = rules.reduce(DocumentMerge.merge(new, over: old)) { merged, rule in
            rule.apply(to: merged, old: old, new: new)
        }
        result = JSONObject(result.filter { !isOwn($0.0) }).merging(merged)
        var attachments = JSONObject(present.attachments.map { ($0.name, ["stub": true]) })
        attachments = attachments.merging(document["_attachments"]?.objectValue ?? [:])
        if !attachments.isEmpty { result["_attachments"] = .object(attachments) }
        return result
    }
}
