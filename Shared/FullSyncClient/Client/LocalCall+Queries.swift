import CouchProtocol
import JSON

// Queries in the reference's words, answered as CouchDB answers them.
extension LocalCall {
    /// The parameters as the body of a request to Mango; those for the call itself are left out.
    var request: JSONObject { JSONObject(parameters.members.filter { !$0.0.hasPrefix("__") }) }

    /// The design document and the view that a query names, as two parameters or as `design/view`.
    func viewPath() throws(CouchError) -> (design: String, view: String) {
        let name = try parameters.text("view")
        if let design = try parameters.optionalText("ddoc") { return (design, name) }
        if let slash = name.firstIndex(of: "/") {
            return (String(name[..<slash]), String(name[name.index(after: slash)...]))
        }
        guard let defaultDesign else {
            throw .badRequest("The parameter `ddoc` is missing, and there is no default design document.")
        }
        return (defaultDesign, name)
    }

    /// The answers of the call, now and whenever they become others.
    func live(_ verb: LocalVerb) throws -> LiveQuery<JSONValue> {
        let concern: LiveConcern
        switch verb {
        case .get: concern = .documents([try parameters.text("docid")])
        case .all: concern = .list(try parameters.listOptions())
        case .view:
            let (design, view) = try viewPath()
            let readsDocuments = try parameters.flag("include_docs")
            concern = .view(database, design: design, view: view, readsDocuments: readsDocuments)
        case .find: concern = .find(request, rules: database.replica.rules)
        default: preconditionFailure("a verb that is not repeated")
        }
        return LiveQuery(
            replica: database.replica,
            concern: concern,
            isSame: { ($0["rows"] ?? $0["docs"] ?? $0) == ($1["rows"] ?? $1["docs"] ?? $1) },
            shown: { $0["docs"]?.arrayValue?.compactMap(\.objectValue).ids },
            run: { try await answer(verb) }
        )
    }

    /// The answer to a call that is repeated: that a document is not there is one, too.
    private func answer(_ verb: LocalVerb) async throws -> JSONValue {
        do {
            return try await run(verb)
        } catch let error as CouchError where verb == .get && error.status == 404 {
            return ["error": .string(error.error), "reason": .string(error.reason)]
        }
    }

    func view() async throws -> JSONValue {
        let (design, view) = try viewPath()
        let query = try parameters.viewQuery()
        let result = try await database.view(design, view, query)
        var answer: JSONObject = [:]
        answer["total_rows"] = result.totalRows.map { .number(JSONNumber($0)) }
        answer["offset"] = result.offset.map { .number(JSONNumber($0)) }
        if try parameters.flag("update_seq") {
            answer["update_seq"] = .number(JSONNumber(try await database.info().updateSequence))
        }
        answer["rows"] = .array(result.rows.map { $0.json(withDocument: query.includesDocuments) })
        return .object(answer)
    }

    func find() async throws -> JSONValue {
        let request = request
        let result = try await database.find(request)
        var answer: JSONObject = [
            "docs": .array(result.documents.map { .object($0) }), "bookmark": .string(result.bookmark),
        ]
        answer["warning"] = result.warning.map { .string($0) }
        if request["execution_stats"] == true {
            answer["execution_stats"] = [
                "total_keys_examined": .number(JSONNumber(result.keysExamined)),
                "total_docs_examined": .number(JSONNumber(result.documentsExamined)),
                "results_returned": .number(JSONNumber(result.documents.count)),
            ]
        }
        return .object(answer)
    }

    func createIndex() async throws -> JSONValue {
        var request = request
        // PouchDB's way beside CouchDB's: the definition's members at the top.
        if request["index"] == nil, let fields = request["fields"] {
            var index: JSONObject = ["fields": fields]
            index["partial_filter_selector"] = request["partial_filter_selector"]
            (request["fields"], request["partial_filter_selector"]) = (nil, nil)
            request["index"] = .object(index)
        }
        let receipt = try await database.createIndex(request: request)
        return [
            "result": receipt.isNew ? "created" : "exists", "id": .string(receipt.design),
            "name": .string(receipt.name),
        ]
    }

    /// The local documents, which no sync brings anywhere: checkpoints for the most part.
    func allLocal() async throws -> JSONValue {
        let rows = try await database.replica.read { try $0.localDocuments() }
        return [
            "total_rows": .number(JSONNumber(rows.count)),
            "rows": .array(
                rows.map { name, revision, body in
                    let id = JSONValue.string("_local/" + name)
                    var document: JSONObject = ["_id": id, "_rev": .string("0-\(revision)")]
                    document = document.merging(body)
                    return ["id": id, "key": id, "doc": .object(document)]
                }
            ),
        ]
    }
}

extension ViewResult.Row {
    /// The row as CouchDB has it.
    fileprivate func json(withDocument: Bool) -> JSONValue {
        var row: JSONObject = [:]
        row["id"] = id.map { .string($0) }
        row["key"] = key
        row["value"] = value
        if withDocument { row["doc"] = document.map { .object($0) } ?? .null }
        return .object(row)
    }
}
