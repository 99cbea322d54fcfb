import CouchProtocol
import DocumentStore
import Hummingbird
import JSON
import Telemetry

/// `POST /<database>/_bulk_docs`: many documents at once, each written or refused by itself.
///
/// As in CouchDB, a document that cannot be understood refuses the whole request, and one that may not be written, or
/// conflicts, is refused alone. Other than there, so is one beyond a limit that was made elsewhere: it will never be
/// taken, and must not keep the others of a device from being taken.
///
/// The body is read as it arrives (``BulkIntake``). Nothing is written before all of it is understood, unless it says
/// first that its documents were made elsewhere: of those a batch is written when it is large, as to send them once
/// more does no harm.
struct BulkDocuments: Sendable {
    let store: DocumentStore

    /// How many bytes of documents are gathered at most that can be written before the others are there.
    private static let batchLimit = 16 << 20

    func respond(to exchange: Exchange, in database: Database) async throws -> Response {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        try exchange.requireUser()
        try exchange.requireJSON()
        let batchSize = min(Self.batchLimit, exchange.limits.requestBody / 2)
        var intake = BulkIntake(database, exchange.limits, to: store)
        var answer = Array("[".utf8)
        do {
            try await exchange.readBody(limit: exchange.limits.bulkBody) { piece in
                try await intake.append(piece)
                if intake.areMadeElsewhere, intake.byteCount > batchSize {
                    let items = try await intake.takeItems()
                    let rows = try await write(items, makesNewRevisions: false, exchange, in: database)
                    Self.append(rows, to: &answer)
                }
                let bytes = intake.byteCount + answer.count
                guard bytes <= exchange.limits.requestBody else { throw CouchError.tooLarge }
                try exchange.bodyShare.hold(bytes)
            }
            let request = try intake.finish()
            let items = try await intake.takeItems()
            guard !request.isAllOrNothing || !request.makesNewRevisions else { return try Self.refusal(of: items) }
            let rows = try await write(
                items,
                makesNewRevisions: request.makesNewRevisions,
                exchange,
                in: database
            )
            Self.append(rows, to: &answer)
        } catch {
            await intake.abandon()
            throw error
        }
        return .json(bytes: answer + "]".utf8, status: .created)
    }

    /// Rows are kept as the text that is sent: so it is known how much they are.
    private static func append(_ rows: [JSONValue], to answer: inout [UInt8]) {
        for row in rows {
            if answer.count > 1 { answer.append(UInt8(ascii: ",")) }
            row.write(to: &answer)
        }
    }

    /// Writes documents, and says in rows what became of them.
    private func write(
        _ items: [BulkIntake.Item],
        makesNewRevisions: Bool,
        _ exchange: Exchange,
        in database: Database
    ) async throws -> [JSONValue] {
        let intake = DocumentIntake(database, exchange.limits)
        var edits: [DocumentEdit] = []
        edits.reserveCapacity(items.count)
        for item in items {
            switch item {
            case .document(let document, let attachments):
                let id = document.id ?? .random()
                var edit = makesNewRevisions ? intake.edit(document, id: id) : try intake.replica(document, id: id)
                edit.attachments = attachments
                edits.append(edit)
            case .local: break
            case .refused(let error, let id, _): if makesNewRevisions || id == nil { throw error }
            }
        }
        let outcomes = try await store.write(
            edits,
            to: database,
            by: exchange.writer(to: database, in: store),
            traceID: TraceContext.current?.traceID
        )
        var written = zip(edits, outcomes).makeIterator()
        var rows: [JSONValue] = []
        for item in items {
            let row: JSONValue?
            switch item {
            case .document: row = written.next().flatMap { Self.row($0, $1, makesNewRevisions: makesNewRevisions) }
            case .local(let edit):
                row = try await self.row(writing: edit, makesNewRevisions: makesNewRevisions, exchange, in: database)
            case .refused(let error, let id, let rev): row = Self.row(id ?? .null, rev: rev, error.forReplicators)
            }
            if let row { rows.append(row) }
        }
        return rows
    }

    /// Writes a local document, which is not written with the others.
    private func row(
        writing edit: LocalEdit,
        makesNewRevisions: Bool,
        _ exchange: Exchange,
        in database: Database
    ) async throws -> JSONValue? {
        let id = JSONValue.string(DocumentID.local(edit.name).text)
        do {
            let writer = try await exchange.writer(to: database, in: store)
            let revision = try await store.write(edit, in: database, for: writer)
            return makesNewRevisions ? ["ok": true, "id": id, "rev": .string(revision)] : nil
        } catch let error as CouchError where error.status == 403 {
            return Self.row(id, rev: nil, error)
        }
    }

    private static func row(
        _ edit: DocumentEdit,
        _ outcome: EditOutcome,
        makesNewRevisions: Bool
    ) -> JSONValue? {
        switch outcome {
        case .refused(let error): return row(edit, error, isReplicated: !makesNewRevisions)
        case .written(let revision):
            // Of revisions that were made elsewhere only failures have a row.
            guard makesNewRevisions else { return nil }
            return ["ok": true, "id": .string(edit.id.text), "rev": .string(revision.description)]
        }
    }

    /// The answer to `all_or_nothing`, which no CouchDB since 2.0 does.
    private static func refusal(of items: [BulkIntake.Item]) throws(CouchError) -> Response {
        let error = CouchError(
            status: 417,
            error: "not_implemented",
            reason: "all_or_nothing is not supported"
        )
        var rows: [JSONValue] = []
        for item in items {
            switch item {
            case .document(let document, _):
                let id = document.id ?? .random()
                rows.append(row(.string(id.text), rev: .string(document.revision?.revision.description ?? "0-"), error))
            case .local(let edit):
                rows.append(
                    row(.string(DocumentID.local(edit.name).text), rev: .string("0-\(edit.revision)"), error)
                )
            case .refused(let error, _, _): throw error
            }
        }
        return .json(.array(rows), status: .expectationFailed)
    }

    private static func row(_ edit: DocumentEdit, _ error: CouchError, isReplicated: Bool) -> JSONValue {
        let revision = edit.namedRevision?.description ?? "0-"
        return row(
            .string(edit.id.text),
            rev: isReplicated ? .string(revision) : nil,
            isReplicated ? error.forReplicators : error
        )
    }

    private static func row(_ id: JSONValue, rev: JSONValue?, _ error: CouchError) -> JSONValue {
        var row: JSONObject = ["id": id]
        if let rev { row["rev"] = rev }
        row["error"] = .string(error.error)
        row["reason"] = .string(error.reason)
        return .object(row)
    }
}

extension CouchError {
    /// The error as a row that says to a replicator that trying again is of no use.
    ///
    /// PouchDB goes on behind a document that is `forbidden` or `unauthorized`, and stops at any other row to send all
    /// of it again. Of a stub that stands for nothing (412) replicators send the whole attachment.
    fileprivate var forReplicators: CouchError {
        guard 400..<500 ~= status, status != 401, status != 412, error != "forbidden" else { return self }
        return .forbidden("\(error): \(reason)")
    }
}

extension DocumentEdit {
    /// The revision that the writer names: the one that was made elsewhere, or the one that is followed.
    fileprivate var namedRevision: RevisionID? {
        switch revision {
        case .next(let parent): parent
        case .made(let path): path.revision
        }
    }
}
