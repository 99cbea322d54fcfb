import CouchProtocol
import GRDB
import JSON

extension FullSyncDatabase {
    /// Offers every document to the server again at the next push, such as after the server lost some.
    ///
    /// What the user may not write there is refused, and listed as ``RefusedEdit``.
    public func offerEverything() async throws {
        try await FullSyncError.translating {
            try await replica.transaction { writer in
                let ids = try String.fetchAll(
                    writer.db,
                    sql: "SELECT id FROM documents WHERE id < '_design/' OR id >= '_design0'"
                )
                for text in ids {
                    let id = DocumentID(stored: text)
                    guard var document = try writer.reader.document(id) else { continue }
                    document.isLocal = true
                    try writer.save(id, document, before: [])
                }
            }
        }
    }

    /// Puts what the server has in the place of a refused edit.
    ///
    /// - Returns: Whether it was done; not when the document was edited again since.
    func takeBack(_ edit: RefusedEdit, from server: some Replica) async throws -> Bool {
        let id = DocumentID(stored: edit.id)
        let request = ChangesRequest(limit: 100, filter: .documents([id]))
        let rows = try await server.changes(request).rows.filter { $0.id == id }
        let wanted = rows.flatMap { row in row.revisions.map { FetchRequest(id: id, revision: $0) } }
        var found: [ReplicatedDocument] = []
        try await server.fetch(wanted) { outcomes in
            for outcome in outcomes {
                switch outcome {
                case .document(let document): found.append(document)
                case .failure(_, _, let error): throw error
                }
            }
        }
        let revision = try RevisionID(parsing: edit.revision)
        let (arrivals, failures) = try await replica.arrivals(of: found, all: true)
        if let failure = failures.first { throw failure.error }
        return try await replica.adopting(arrivals) {
            try await replica.transaction { [found] writer in
                writer.arrivals = arrivals
                return try writer.replace(id, without: revision, by: found)
            }
        }
    }
}

extension StoreWriter {
    /// Takes a leaf out of a document together with what led to it, and puts the server's leaves there; other branches
    /// stay.
    fileprivate mutating func replace(
        _ id: DocumentID,
        without revision: RevisionID,
        by documents: [ReplicatedDocument]
    ) throws -> Bool {
        guard let document = try reader.document(id), document.tree.isLeaf(revision) else { return false }
        let hasOthers = document.tree.leafCount > 1
        if documents.isEmpty, !hasOthers {
            // A tombstone that stays on the device: indexes see a change, and a push sees none.
            var tombstone = IncomingDocument()
            tombstone.revision = RevisionPath(revision)
            tombstone.isDeleted = true
            _ = try edit(id, tombstone)
            if var stored = try reader.document(id) {
                stored.isLocal = false
                try save(id, stored, before: [])
            }
        } else {
            if hasOthers {
                var rest = document
                _ = rest.tree.purge([revision])
                try save(id, rest, before: document.tree.nodes.compactMap { $0.payload })
            } else {
                try remove(id, document)
            }
            for document in documents { try take(document) }
            try finishRevocations(documents)
        }
        try forgetRefusals(of: id)
        return true
    }
}
