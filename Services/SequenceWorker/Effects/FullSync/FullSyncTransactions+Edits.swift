import ControlStore
import CouchProtocol
import DocumentStore
import JSON
import Sequences

/// Changes of one document that are no posts: its deletion, copies, and its attachments.
extension FullSyncTransactions {
    func deleteDocument(_ variables: JSONObject, _ target: Target) async throws -> JSONValue {
        let id = try DocumentID(variables["id"]?.stringValue ?? "")
        let revision = try Self.revision("rev", in: variables)
        return try await commit(target, retrying: revision == nil) {
            let present = try await store.document(id, in: target.database, for: target.caller)
            guard let present, !present.isDeleted else { throw CouchError.missing }
            return DocumentEdit(
                id: id,
                revision: .next(after: revision ?? present.revision),
                isDeleted: true,
                body: .empty,
                tags: AskedTags(present.tags)
            )
        }
    }

    /// The copy belongs to whom the original does.
    func copyDocument(_ variables: JSONObject, _ target: Target) async throws -> JSONValue {
        let id = try DocumentID(variables["id"]?.stringValue ?? "")
        let destination = try DocumentID(variables["destination"]?.stringValue ?? "")
        let parent = try Self.revision("destinationRev", in: variables)
        let request = RevisionRequest(id: id, revision: try Self.revision("rev", in: variables))
        return try await commit(target, retrying: false) {
            let found = try await store.fetch([request], from: target.database, for: target.caller)[request]
            guard let found, !found.isDeleted else { throw CouchError.missing }
            var edit = DocumentEdit(
                id: destination,
                revision: .next(after: parent),
                body: found.documentBody,
                tags: AskedTags(found.tags)
            )
            edit.attachments = found.attachments.map { .kept($0) }
            return edit
        }
    }

    /// Makes the document when there is none; it then belongs to the user that the sequence runs for.
    func putAttachment(_ variables: JSONObject, _ target: Target) async throws -> JSONValue {
        let rules = target.database.documentRules
        let name = variables["name"]?.stringValue ?? ""
        try IncomingAttachment.check(name: name, lengthLimit: rules.attachmentNameLimit)
        let (bytes, type) = try Self.content(variables)
        guard bytes.count <= rules.attachmentSizeLimit else { throw CouchError.attachmentTooLarge(name) }
        if let rows = try await recorded(at: target.site) { return try Self.single(rows) }
        let content = try await store.keep([NewContent(bytes)])[0]
        return try await editAttachments(variables, target, mayMake: true) { attachments in
            attachments.removeAll { $0.name.utf8.elementsEqual(name.utf8) }
            guard attachments.count < rules.attachmentLimit else {
                throw CouchError.tooManyAttachments("The document has \(attachments.count) attachments already.")
            }
            return NewAttachment(name: name, contentType: type, content: content)
        }
    }

    func deleteAttachment(_ variables: JSONObject, _ target: Target) async throws -> JSONValue {
        let name = variables["name"]?.stringValue ?? ""
        return try await editAttachments(variables, target, mayMake: false) { attachments in
            let place = attachments.firstIndex { $0.name.utf8.elementsEqual(name.utf8) }
            guard let place else { throw CouchError.missingAttachment }
            attachments.remove(at: place)
            return nil
        }
    }

    /// Commits a revision that is the same but for its attachments.
    ///
    /// - Parameter change: Takes attachments away, and gives one that is to be added.
    private func editAttachments(
        _ variables: JSONObject,
        _ target: Target,
        mayMake: Bool,
        _ change: @Sendable (inout [StoredAttachment]) throws -> NewAttachment?
    ) async throws -> JSONValue {
        let id = try DocumentID(variables["id"]?.stringValue ?? "")
        let revision = try Self.revision("rev", in: variables)
        return try await commit(target, retrying: revision == nil) {
            let request = RevisionRequest(id: id, revision: revision)
            let found = try await store.fetch([request], from: target.database, for: target.caller)[request]
            let present = found.flatMap { $0.isDeleted ? nil : $0 }
            guard present != nil || mayMake && revision == nil else {
                throw revision == nil ? CouchError.missing : CouchError.conflict
            }
            var attachments = present?.attachments ?? []
            let added = try change(&attachments)
            var edit = DocumentEdit(
                id: id,
                revision: .next(after: present?.revision),
                body: present?.documentBody ?? .empty,
                tags: AskedTags(present?.tags ?? Tags(owner: target.site.identity?.user, groups: []))
            )
            edit.attachments = (added.map { [EditedAttachment.new($0)] } ?? []) + attachments.map { .kept($0) }
            return edit
        }
    }

    private static func content(_ variables: JSONObject) throws -> (bytes: [UInt8], type: String) {
        let said = variables["contentType"]?.stringValue
        switch (variables["base64"]?.stringValue, variables["text"]?.stringValue) {
        case (let base64?, nil):
            guard let bytes = Base64.decode(base64.utf8) else {
                throw SequenceFailure(code: .invalidValue, message: "'base64' is no Base64")
            }
            return (bytes, IncomingAttachment.type(said))
        case (nil, let text?): return (Array(text.utf8), IncomingAttachment.type(said ?? "text/plain; charset=utf-8"))
        default:
            throw SequenceFailure(code: .invalidValue, message: "one of 'base64' and 'text' must be the content")
        }
    }

    // MARK: - Committing

    private struct Overtaken: Error {}
    private static let attempts = 50

    /// Commits the edit that `plan` makes, together with the step's entry in the ledger.
    ///
    /// - Parameter retrying: Whether a conflict means that somebody was faster, as the step names no revision.
    private func commit(
        _ target: Target,
        retrying: Bool,
        _ plan: () async throws -> DocumentEdit
    ) async throws -> JSONValue {
        // Before the document is looked at, which is another when an earlier attempt has changed it.
        if let rows = try await recorded(at: target.site) { return try Self.single(rows) }
        for _ in 0..<Self.attempts {
            do {
                return try Self.single(try await commitOnce(try await plan(), target, retrying: retrying))
            } catch is Overtaken {
                continue
            }
        }
        throw CouchError.conflict
    }

    private func commitOnce(_ edit: DocumentEdit, _ target: Target, retrying: Bool) async throws -> JSONValue {
        let outcomes = try await store.write(
            [edit],
            to: target.database,
            by: target.caller,
            traceID: run.traceID,
            with: { [record(Self.rows($0, of: edit.id), at: target.site)] },
            check: { rows in for rows in rows { try checkRecorded(rows) } },
            accept: { outcomes in
                if retrying, outcomes.contains(.refused(.conflict)) { throw Overtaken() }
            }
        )
        return Self.rows(outcomes, of: edit.id)
    }

    private static func rows(_ outcomes: [EditOutcome], of id: DocumentID) -> JSONValue {
        .array(
            outcomes.map { outcome in
                switch outcome {
                case .written(let revision): PostOutcome.written(id: id, revision).json
                case .refused(let error): PostOutcome.refused(id: id.text, error).json
                }
            }
        )
    }

    static func revision(_ name: String, in variables: JSONObject) throws(CouchError) -> RevisionID? {
        guard let text = variables[name]?.stringValue else { return nil }
        return try RevisionID(parsing: text)
    }
}

extension StoredRevision {
    /// The content as it is written again.
    fileprivate var documentBody: DocumentBody {
        DocumentBody(
            bytes: body,
            isFaithfulInJSONB: (try? JSONScan(body, limits: .unlimited))?.isFaithfulInJSONB ?? false
        )
    }
}
