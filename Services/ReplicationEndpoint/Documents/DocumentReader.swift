import CouchProtocol
import DocumentStore
import HTTPTypes
import Hummingbird
import JSON
import NIOCore

/// Answers requests for one document, or for several revisions of it.
struct DocumentReader: Sendable {
    let store: DocumentStore

    func read(_ exchange: Exchange, _ id: DocumentID, in database: Database) async throws -> Response {
        let query = try DocumentQuery(exchange.query)
        if let revisions = query.openRevisions {
            return try await open(revisions, of: id, query, exchange, in: database)
        }
        let found = try await document(id, query, in: database, for: exchange.caller)
        let document = try await outgoing(found, query, in: database)
        // As in CouchDB, what is told beside the document is no part of the revision that the tag names.
        let hasMeta =
            document.localSequence != nil || !document.revisionsInfo.isEmpty || !document.conflicts.isEmpty
            || !document.deletedConflicts.isEmpty
        guard !hasMeta else { return .json(document.bytes(database)) }
        let tag = "\"\(found.revision)\""
        guard !exchange.matches(tag: tag) else { return Response(status: .notModified, headers: [.eTag: tag]) }
        return .json(document.bytes(database), headers: [.eTag: tag])
    }

    /// The revision that a query names, or else the winner of what the caller may read.
    ///
    /// - Throws: `not_found`, with `deleted` as its reason when the winner is a tombstone and none was asked for.
    func document(
        _ id: DocumentID,
        _ query: DocumentQuery,
        in database: Database,
        for caller: Caller
    ) async throws -> StoredRevision {
        // With `latest`, CouchDB opens the winner whatever revision was named.
        let rev = query.latest ? nil : query.rev
        let opened = try await store.openRevisions(
            [OpenRequest(id: id, rev.map { .revisions([$0]) } ?? .winner)],
            from: database,
            for: caller,
            withHistory: query.needsHistory
        )
        guard let found = opened[0].first?.found else { throw CouchError.missing }
        guard rev != nil || query.deleted || !found.isDeleted else { throw CouchError.deleted }
        return found
    }

    /// The document with what the query wants told beside it.
    private func outgoing(
        _ found: StoredRevision,
        _ query: DocumentQuery,
        in database: Database
    ) async throws -> OutgoingDocument {
        var document = OutgoingDocument(found)
        if query.revs { document.revisions = found.tree?.path(to: found.revision) }
        // As in CouchDB, a revision that was asked for by name comes without these.
        guard query.latest || query.rev == nil else { return document }
        if query.revsInfo { document.revisionsInfo = try await store.revisionsInfo(of: found) }
        if query.conflicts { document.conflicts = found.tree?.conflicts ?? [] }
        if query.deletedConflicts { document.deletedConflicts = found.tree?.deletedConflicts ?? [] }
        if query.localSeq { document.localSequence = .number(JSONNumber(found.seq)) }
        return document
    }

    // MARK: - Several revisions

    private func open(
        _ revisions: DocumentQuery.OpenRevisions,
        of id: DocumentID,
        _ query: DocumentQuery,
        _ exchange: Exchange,
        in database: Database
    ) async throws -> Response {
        let selection: OpenRequest.Selection =
            switch revisions {
            case .all: .leaves
            case .revisions(let list): .revisions(list)
            }
        let opened = try await store.openRevisions(
            [OpenRequest(id: id, selection, latest: query.latest)],
            from: database,
            for: exchange.caller,
            withHistory: query.revs
        )[0]
        guard !opened.isEmpty else { throw CouchError.missing }
        return .json(Self.list(opened, withHistory: query.revs, database))
    }

    /// `[{"ok": …}, {"missing": …}]`: how CouchDB lists opened revisions for those who take no parts.
    private static func list(_ opened: [OpenedRevision], withHistory: Bool, _ database: Database) -> [UInt8] {
        var output: [UInt8] = [UInt8(ascii: "[")]
        for (index, revision) in opened.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            switch revision {
            case .missing(let revision):
                output.append(contentsOf: #"{"missing":""#.utf8)
                revision.write(to: &output)
                output.append(contentsOf: #""}"#.utf8)
            case .found(let found):
                var document = OutgoingDocument(found)
                if withHistory { document.revisions = found.tree?.path(to: found.revision) }
                output.append(contentsOf: #"{"ok":"#.utf8)
                document.write(to: &output, rules: database.documentRules)
                output.append(UInt8(ascii: "}"))
            }
        }
        output.append(UInt8(ascii: "]"))
        return output
    }
}

extension DocumentQuery {
    /// Whether the document's history is needed for the answer.
    fileprivate var needsHistory: Bool { revs || revsInfo || conflicts || deletedConflicts }
}

extension OutgoingDocument {
    /// The document of a stored revision.
    init(_ stored: StoredRevision) {
        self.init(id: stored.id, revision: stored.revision, body: stored.body)
        isDeleted = stored.isDeleted
        owner = stored.tags.owner
        groups = stored.tags.groups
    }

    /// The document as JSON, by the database's names for its tags.
    func bytes(_ database: Database) -> [UInt8] {
        var output: [UInt8] = []
        write(to: &output, rules: database.documentRules)
        return output
    }
}
