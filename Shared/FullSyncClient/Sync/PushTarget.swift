import CouchProtocol
import JSON

/// The server as the target of a push: what it refuses is noted on the device before the push goes on, so that no end
/// of the process loses it.
struct PushTarget: ForwardingReplica {
    let server: ServerWatch
    let device: SQLiteReplica
    /// Takes each refused edit, when it is noted.
    let refused: @Sendable (FullSyncDatabase.RefusedEdit) async throws -> Void

    var base: ServerWatch { server }

    func revisionsDifference(_ revisions: [DocumentRevisions]) async throws -> [MissingRevisions] {
        let differences = try await server.revisionsDifference(revisions)
        let missing = Dictionary(differences.map { ($0.id, Set($0.missing)) }) { $0.union($1) }
        try await forgetRefusals(
            of: revisions.flatMap { asked in
                asked.revisions.filter { missing[asked.id]?.contains($0) != true }.map { (asked.id, $0) }
            }
        )
        return differences
    }

    /// Takes edits that the server has, whatever it answered before, off the list of those that it refused.
    private func forgetRefusals(of taken: [(DocumentID, RevisionID)]) async throws {
        for (id, revision) in taken { device.resolutions.taken(id, revision) }
        guard !taken.isEmpty else { return }
        defer { device.pushed.taken(taken.map(\.0)) }
        guard try await device.read({ try $0.hasRefusals }) else { return }
        try await device.transaction { writer in
            for (id, revision) in taken { try writer.forgetRefusal(of: id, revision) }
        }
    }

    func write(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure] {
        let failures = try await server.write(documents)
        // What may pass, or passes after a login, is no answer to the edit, nor is it one that the server lacks what
        // was not sent: then the whole is sent.
        let refused = failures.filter { failure in
            failure.error.status != 401 && !RetryPolicy.mayPass(failure.error)
                && !(failure.isMissingStub && documents.contains { $0.id == failure.id && $0.hasStubs })
        }
        if !refused.isEmpty {
            let edits = refused.compactMap { failure -> FullSyncDatabase.RefusedEdit? in
                let sent = documents.first { $0.id == failure.id }
                guard let revision = failure.revision ?? sent?.path.revision else { return nil }
                return FullSyncDatabase.RefusedEdit(
                    id: failure.id.text,
                    revision: revision.description,
                    error: failure.error.error,
                    reason: failure.error.reason
                )
            }
            let noted = try await device.transaction { writer in try edits.filter { try writer.refuse($0) } }
            for edit in noted { try await self.refused(edit) }
        }
        let failed = Set(failures.map(\.id))
        try await forgetRefusals(of: documents.filter { !failed.contains($0.id) }.map { ($0.id, $0.path.revision) })
        return failures
    }

    /// The member of a checkpoint that says to which database its changes were pushed.
    private static let incarnation = "incarnation"

    /// A checkpoint; an empty one where it was written for a database that was there before this one.
    func localDocument(_ name: String) async throws -> LocalDocument? {
        guard var document = try await server.localDocument(name) else { return nil }
        if let written = document.body[Self.incarnation]?.stringValue, try await server.incarnation() != written {
            document.body = [:]
        }
        return document
    }

    func putLocalDocument(_ name: String, _ document: LocalDocument) async throws -> String {
        // What is recorded as pushed is never offered again, so it must be this database to which it was pushed; should
        // another one take its place at this moment, the record says that it is not about that.
        server.lookAgain()
        var document = document
        document.body[Self.incarnation] = try await server.incarnation().map(JSONValue.string)
        return try await server.putLocalDocument(name, document)
    }
}

extension ReplicatedDocument {
    /// Whether the content of an attachment was left out.
    fileprivate var hasStubs: Bool { attachments.contains(where: \.isStub) }
}
