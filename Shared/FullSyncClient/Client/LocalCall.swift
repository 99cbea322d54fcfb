import CouchProtocol
import Foundation
import JSON

/// A call of a local database in the reference's words, and its answer in CouchDB's.
struct LocalCall: Sendable {
    let database: FullSyncDatabase
    let parameters: LocalParameters
    /// The design document that is meant by queries of views that name none.
    var defaultDesign: String?

    func run(_ verb: LocalVerb) async throws -> JSONValue {
        switch verb {
        case .get: return try await get()
        case .post: return try await database.post(try PostParameters.post(parameters.members)).json
        case .delete:
            let revision = try parameters.optionalText("docrev") ?? parameters.optionalText("rev")
            return try await database.delete(try parameters.text("docid"), revision: revision).json
        case .all: return try await all()
        case .allLocal: return try await allLocal()
        case .view: return try await view()
        case .find: return try await find()
        case .explain: return .object(try await database.explain(request))
        case .createIndex: return try await createIndex()
        case .getIndexes:
            let indexes = try await database.indexes()
            return [
                "total_rows": .number(JSONNumber(indexes.count)), "indexes": .array(indexes.map { .object($0) }),
            ]
        case .deleteIndex:
            try await database.deleteIndex(try parameters.text("name"), of: try parameters.text("ddoc"))
            return ["ok": true]
        case .bulk: return try await bulk()
        case .info:
            let info = try await database.info()
            return [
                "db_name": .string(database.name), "doc_count": .number(JSONNumber(info.documentCount)),
                "doc_del_count": .number(JSONNumber(info.deletedCount)),
                "update_seq": .number(JSONNumber(info.updateSequence)),
            ]
        case .putAttachment: return try await putAttachment()
        case .getAttachment:
            let (id, name) = (try parameters.text("docid"), try parameters.text("name"))
            guard let attachment = try await database.attachment(name, of: id) else {
                throw CouchError.missingAttachment
            }
            return [
                "content_type": .string(attachment.contentType),
                "data": .string(Base64.encode(Array(attachment.content))),
            ]
        case .deleteAttachment:
            let (id, name) = (try parameters.text("docid"), try parameters.text("name"))
            return try await database.deleteAttachment(name, of: id, revision: parameters.optionalText("rev")).json
        case .create, .destroy, .reset, .sync, .push, .pull:
            preconditionFailure("a verb of the client, not of a database")
        }
    }

    private func get() async throws -> JSONValue {
        let id = try parameters.text("docid")
        if let asked = parameters.members["open_revs"], !asked.isNull {
            let leaves = try await database.leaves(of: id, try parameters.getOptions())
            if asked == "all", leaves.isEmpty { throw CouchError.missing }
            if asked == "all" { return .array(leaves.map { ["ok": .object($0)] }) }
            let wanted = try parameters.texts("open_revs") ?? []
            return .array(
                wanted.map { revision in
                    leaves.first { $0["_rev"]?.stringValue == revision }.map { ["ok": .object($0)] }
                        ?? ["missing": .string(revision)]
                }
            )
        }
        guard let document = try await database.get(id, try parameters.getOptions()) else { throw CouchError.missing }
        return .object(document)
    }

    private func all() async throws -> JSONValue {
        let options = try parameters.listOptions()
        let rows: [FullSyncDatabase.Row]
        if let keys = try parameters.texts("keys") {
            guard options.startKey == nil, options.endKey == nil else {
                throw CouchError.queryParseError("`keys` is incompatible with `key`, `startkey` and `endkey`.")
            }
            rows = try await database.all(keys: keys, options)
        } else {
            rows = try await database.all(options)
        }
        return [
            "total_rows": .number(JSONNumber(try await database.info().documentCount)),
            "offset": .number(JSONNumber(options.skip)),
            "rows": .array(rows.map { $0.json(withDocument: options.includesDocuments) }),
        ]
    }

    private func bulk() async throws -> JSONValue {
        if let dump = try parameters.optionalText("data") { return try await load(dump) }
        guard let documents = parameters.members["docs"]?.arrayValue else {
            throw CouchError.badRequest("The parameter `docs` must be an array of documents.")
        }
        let policy = try PostParameters.post(parameters.members).policy
        let objects = try documents.map { document in
            guard let object = document.objectValue else { throw CouchError.documentNotObject }
            return object
        }
        return .array(
            try await database.bulk(objects, policy: policy).map { outcome in
                switch outcome {
                case .written(let receipt): receipt.json
                case .refused(let id, let error):
                    [
                        "id": id.map { .string($0) } ?? .null, "error": .string(error.error),
                        "reason": .string(error.reason),
                    ]
                }
            }
        )
    }

    /// Loads a dump in the reference's form: lines of `{"docs": […]}`, whose documents keep their revisions.
    ///
    /// Lines without documents, such as the place in a server's feed, are passed over: the next pull compares.
    private func load(_ dump: String) async throws -> JSONValue {
        var written = 0
        for line in dump.split(separator: "\n") {
            guard let documents = try JSONValue(parsing: Array(line.utf8))["docs"]?.arrayValue else { continue }
            let revisions = try documents.map { document in
                try ReplicatedDocument(IncomingDocument(parsing: document.bytes, rules: database.replica.rules))
            }
            if let failure = try await database.replica.write(revisions).first { throw failure.error }
            written += revisions.count
        }
        return ["ok": true, "docs_written": .number(JSONNumber(written))]
    }

    private func putAttachment() async throws -> JSONValue {
        let (id, name) = (try parameters.text("docid"), try parameters.text("name"))
        guard let content = Base64.decode(try parameters.text("content", "data").utf8) else {
            throw CouchError.badRequest("The parameter `content` must be Base64.")
        }
        return try await database.putAttachment(
            name,
            Data(content),
            contentType: try parameters.optionalText("content_type") ?? "application/octet-stream",
            to: id,
            revision: try parameters.optionalText("rev")
        )
        .json
    }
}

extension FullSyncDatabase.Receipt {
    /// The answer of CouchDB to a write.
    var json: JSONValue { ["ok": true, "id": .string(id), "rev": .string(revision)] }
}

extension FullSyncDatabase.Row {
    /// The row as CouchDB has it in `_all_docs`.
    fileprivate func json(withDocument: Bool) -> JSONValue {
        guard let revision else { return ["key": .string(key), "error": "not_found"] }
        var value: JSONObject = ["rev": .string(revision)]
        if isDeleted { value["deleted"] = true }
        var row: JSONObject = ["id": .string(key), "key": .string(key), "value": .object(value)]
        if withDocument { row["doc"] = document.map { .object($0) } ?? .null }
        return .object(row)
    }
}
