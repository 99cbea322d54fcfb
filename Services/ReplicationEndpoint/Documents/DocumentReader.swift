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
        let query = try DocumentQuery(exchange.query, revisionLimit: exchange.limits.revisions)
        let options = try AttachmentOptions(exchange.query)
        if let revisions = query.openRevisions {
            return try await open(revisions, of: id, query, options, exchange, in: database)
        }
        let found = try await document(
            id,
            query,
            in: database,
            for: exchange.caller,
            withHistory: !options.since.isEmpty
        )
        var document = try await outgoing(found, query, in: database)
        let takesParts = AcceptHeader(exchange.request.headers[.accept]).accepts("multipart/related")
        document.attachments = options.outgoing(found, as: takesParts ? .part : .inline)
        let answer = AttachedDocument(document: document, attachments: found.attachments)
        let writer = AttachmentAnswers(store: store, database: database)
        // As in CouchDB, what is told beside the document is no part of the revision that the tag names.
        let hasMeta =
            document.localSequence != nil || !document.revisionsInfo.isEmpty || !document.conflicts.isEmpty
            || !document.deletedConflicts.isEmpty
        guard !hasMeta else { return writer.respond(answer) }
        let tag = "\"\(found.revision)\""
        guard !exchange.matches(tag: tag) else { return Response(status: .notModified, headers: [.eTag: tag]) }
        return writer.respond(answer, headers: [.eTag: tag])
    }

    /// The revision that a query names, or else the winner of what the caller may read.
    ///
    /// - Throws: `not_found`, with `deleted` as its reason when the winner is a tombstone and none was asked for.
    func document(
        _ id: DocumentID,
        _ query: DocumentQuery,
        in database: Database,
        for caller: Caller,
        withHistory: Bool = false
    ) async throws -> StoredRevision {
        // With `latest`, CouchDB opens the winner whatever revision was named.
        let rev = query.latest ? nil : query.rev
        let opened = try await store.openRevisions(
            [OpenRequest(id: id, rev.map { .revisions([$0]) } ?? .winner)],
            from: database,
            for: caller,
            withHistory: withHistory || query.needsHistory
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
        _ options: AttachmentOptions,
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
            withHistory: query.revs || !options.since.isEmpty
        )[0]
        guard !opened.isEmpty else { throw CouchError.missing }
        let takesParts = AcceptHeader(exchange.request.headers[.accept]).accepts("multipart/mixed")
        let answers = opened.map { revision -> AttachmentAnswers.Answer in
            switch revision {
            case .missing(let revision):
                let missing: JSONValue = ["missing": .string(revision.description)]
                return .failure(missing.bytes)
            case .found(let found):
                return .document(
                    AttachedDocument(found, options, withHistory: query.revs, as: takesParts ? .part : .inline)
                )
            }
        }
        let writer = AttachmentAnswers(store: store, database: database)
        return takesParts ? writer.mixed(answers) : writer.list(answers)
    }
}

extension DocumentQuery {
    /// Whether the document's history is needed for the answer.
    fileprivate var needsHistory: Bool { revs || revsInfo || conflicts || deletedConflicts }
}

extension OutgoingDocument {
    /// The document as JSON, by the database's names for its tags.
    func bytes(_ database: Database) -> [UInt8] {
        var output: [UInt8] = []
        write(to: &output, rules: database.documentRules)
        return output
    }
}
