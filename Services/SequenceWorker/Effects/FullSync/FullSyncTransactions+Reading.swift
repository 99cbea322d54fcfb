import CouchProtocol
import DocumentStore
import JSON
import Sequences

/// Documents read by their ids, and their attachments.
extension FullSyncTransactions {
    func databaseInfo(_ target: Target) async throws -> JSONValue {
        let info = try await store.info(target.database)
        let token = SequenceToken(number: info.updateSeq, incarnation: target.database.incarnation)
        return [
            "db_name": .string(target.database.name), "doc_count": .number(JSONNumber(info.documents)),
            "doc_del_count": .number(JSONNumber(info.deleted)), "update_seq": token.sequence.json,
        ]
    }

    func getDocument(_ variables: JSONObject, _ target: Target) async throws -> JSONValue {
        var presenter = DocumentPresenter(store: store, database: target.database)
        presenter.history = DocumentPresenter.History(variables)
        presenter.sendsContents = variables["attachments"]?.boolValue ?? false
        guard let asked = variables["openRevs"], asked != .null else {
            return try await presenter.json(try await revision(variables, target))
        }
        let id = try DocumentID(variables["id"]?.stringValue ?? "")
        let isLatest = variables["latest"]?.boolValue ?? false
        var rest = try Self.selections(asked, latest: isLatest).map { OpenRequest(id: id, $0, latest: isLatest) }[...]
        var rows: [JSONValue] = []
        while !rest.isEmpty {
            let count = try await store.fitting(rest.map(\.revisionRequest), of: target.database)
            let opened = try await store.openRevisions(
                Array(rest.prefix(count)),
                from: target.database,
                for: target.caller,
                withHistory: true
            )
            for revision in opened.joined() {
                switch revision {
                case .missing(let revision): rows.append(["missing": .string(revision.description)])
                case .found(let found): rows.append(["ok": try await presenter.json(found)])
                }
            }
            rest = rest.dropFirst(count)
        }
        // Whoever names revisions is told of each; whoever asks for all, of a document that is there.
        guard asked != "all" || !rows.isEmpty else { throw CouchError.missing }
        return .array(rows)
    }

    /// How many revisions of a document one step may name.
    private static let revisionLimit = 1_000

    /// What `openRevs` means: `all` for every leaf, or a list of revisions, each by itself unless others may take their
    /// places: then one may take those of several.
    private static func selections(_ asked: JSONValue, latest: Bool) throws -> [OpenRequest.Selection] {
        if asked == "all" { return [.leaves] }
        guard let texts = asked.arrayValue?.map(\.stringValue), !texts.contains(nil), texts.count <= revisionLimit
        else {
            throw SequenceFailure(
                code: .invalidValue,
                message: "'openRevs' must be all, or a list of at most \(revisionLimit) revisions"
            )
        }
        let revisions = try texts.compactMap(\.self).map { text throws(CouchError) in try RevisionID(parsing: text) }
        return latest ? [.revisions(revisions)] : revisions.map { .revisions([$0]) }
    }

    func getAttachment(_ variables: JSONObject, _ target: Target) async throws -> JSONValue {
        let name = variables["name"]?.stringValue ?? ""
        let found = try await revision(variables, target)
        let attachment = found.attachments.first { $0.name.utf8.elementsEqual(name.utf8) }
        guard let attachment else { throw CouchError.missingAttachment }
        var presenter = DocumentPresenter(store: store, database: target.database)
        let bytes = try await presenter.content(of: attachment)
        var answer: JSONObject = [
            "name": .string(attachment.name), "contentType": .string(attachment.contentType),
            "digest": .string(attachment.content.digest), "length": .number(JSONNumber(bytes.count)),
            "rev": .string(found.revision.description),
        ]
        switch variables["as"]?.stringValue {
        case "base64": answer["base64"] = .string(Base64.encode(bytes))
        case "text":
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw SequenceFailure(code: .invalidValue, message: "the attachment '\(name)' is no text in UTF-8")
            }
            answer["text"] = .string(text)
        default: throw SequenceFailure(code: .invalidValue, message: "'as' must be base64 or text")
        }
        return .object(answer)
    }

    /// The revision that `id` and perhaps `rev` mean; a tombstone only where it is named.
    private func revision(_ variables: JSONObject, _ target: Target) async throws -> StoredRevision {
        let id = try DocumentID(variables["id"]?.stringValue ?? "")
        let request = RevisionRequest(id: id, revision: try Self.revision("rev", in: variables))
        let found = try await store.fetch([request], from: target.database, for: target.caller)[request]
        guard let found, !found.isDeleted || request.revision != nil else { throw CouchError.missing }
        return found
    }

    // MARK: - Lists

    private static let defaultLimit = 10_000
    private static let greatestLimit = 100_000

    /// How many rows are read at once, and how many whose documents come along.
    private static let pageRows = 1_000
    private static let pageDocuments = 100

    func allDocs(_ variables: JSONObject, _ target: Target) async throws -> JSONValue {
        let includesDocs = variables["includeDocs"]?.boolValue ?? false
        let size = includesDocs ? Self.pageDocuments : Self.pageRows
        var presenter = DocumentPresenter(store: store, database: target.database)
        presenter.history.conflicts = variables["conflicts"]?.boolValue ?? false
        var rows: [JSONValue] = []
        if let keys = try Self.keys(variables) {
            for start in stride(from: 0, to: keys.count, by: size) {
                let ids = Array(keys[start..<min(start + size, keys.count)])
                let listed = try await store.listedDocuments(ids, of: target.database, for: target.caller)
                let page = listed.compactMap(\.self).filter { !$0.isDeleted }
                rows += try await shown(page, includesDocs, &presenter)
            }
            return ["rows": .array(rows)]
        }
        var next: DocumentRange? = Self.range(variables)
        while let range = next {
            let page = try await store.listDocuments(in: range, of: target.database, for: target.caller, size: size)
            rows += try await shown(page.documents, includesDocs, &presenter)
            next = page.next
        }
        return ["rows": .array(rows)]
    }

    /// The rows of a page; of bodies, where documents are wanted, as many are read at once as may be in memory.
    private func shown(
        _ page: [ListedDocument],
        _ includesDocs: Bool,
        _ presenter: inout DocumentPresenter
    ) async throws -> [JSONValue] {
        guard includesDocs else { return try await rows(page, bodies: nil, &presenter) }
        var rows: [JSONValue] = []
        var rest = page[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(try await store.fitting(rest, of: presenter.database)))
            rest = rest.dropFirst(part.count)
            rows += try await self.rows(part, bodies: store.revisions(of: part), &presenter)
        }
        return rows
    }

    private func rows(
        _ page: [ListedDocument],
        bodies: [StoredRevision?]?,
        _ presenter: inout DocumentPresenter
    ) async throws -> [JSONValue] {
        var rows: [JSONValue] = []
        for (place, document) in page.enumerated() {
            let (id, revision) = (document.id.text, document.revision.description)
            try presenter.take(2 * id.utf8.count + revision.utf8.count)
            var row: JSONObject = ["id": .string(id), "key": .string(id), "value": ["rev": .string(revision)]]
            if let bodies {
                // One that was changed and compacted since it was listed is left out.
                guard let body = bodies[place] else { continue }
                row["doc"] = try await presenter.json(body, conflicts: document.conflicts)
            }
            rows.append(.object(row))
        }
        return rows
    }

    private static func keys(_ variables: JSONObject) throws -> [DocumentID]? {
        let given = variables["keys"]?.arrayValue ?? variables["key"]?.stringValue.map { [JSONValue.string($0)] }
        guard let given else { return nil }
        guard given.count <= greatestLimit else {
            throw SequenceFailure(code: .limit, message: "'keys' has more than \(greatestLimit) keys")
        }
        return try given.map { try DocumentID($0.stringValue ?? "") }
    }

    private static func range(_ variables: JSONObject) -> DocumentRange {
        var range = DocumentRange()
        range.first = variables["startKey"]?.stringValue
        range.last = variables["endKey"]?.stringValue
        range.includesLast = variables["inclusiveEnd"]?.boolValue ?? true
        range.isDescending = variables["descending"]?.boolValue ?? false
        range.skip = max(0, variables["skip"]?.intValue ?? 0)
        range.limit = min(max(0, variables["limit"]?.intValue ?? defaultLimit), greatestLimit)
        return range
    }
}
