import CouchProtocol
import DocumentStore
import JSON

/// What a client wants of one of its local documents: another content, or that it is deleted.
struct LocalEdit: Sendable, Hashable {
    /// The id behind `_local/`.
    let name: String
    /// The members that are the client's own.
    var body: [UInt8]
    /// The number of the revision that it follows; 0 for none.
    var revision: Int
    var isDeleted = false

    init(name: String, body: [UInt8], revision: Int) {
        self.name = name
        self.body = body
        self.revision = revision
    }

    /// Reads the text of a document.
    ///
    /// - Parameter name: The name in the address; nil where the text has to say it.
    init(parsing text: [UInt8], name: String? = nil, _ limits: EndpointLimits) throws(CouchError) {
        let members = try JSONValue(received: text, in: text.indices, limits: limits.json).objectValue
        guard let members else { throw .documentNotObject }
        let id = try DocumentID(members["_id"]?.stringValue ?? "", orNamed: name)
        var own = JSONObject()
        var revision = 0
        var isDeleted = false
        for (name, value) in members {
            switch (name, value) {
            case ("_id", _): break
            case ("_rev", _): revision = try Self.number(value.stringValue ?? "")
            // CouchDB's replicator writes back what it read with its history, which says no more than `_rev` does.
            case ("_revisions", .object): if members["_rev"] == nil { revision = try Self.number(of: value) }
            case ("_deleted", .bool(let deleted)): isDeleted = deleted
            case _ where name.utf8.first == UInt8(ascii: "_"):
                throw .documentValidation("Bad special document member: \(name)")
            default: own[name] = value
            }
        }
        let body = JSONValue.object(own).bytes
        guard body.count <= limits.documents.bodyLimit else { throw .documentTooLarge(id.text) }
        self.init(name: id.localName ?? id.text, body: body, revision: revision)
        self.isDeleted = isDeleted
    }

    /// The number of a revision of a local document, which is `0-<number>`.
    static func number(_ text: String) throws(CouchError) -> Int {
        guard text.hasPrefix("0-"), let number = Int(text.dropFirst(2)), number >= 0 else { throw .invalidRevision }
        return number
    }

    /// The number of the newest revision of a history: `{"start": 0, "ids": ["3"]}`.
    private static func number(of history: JSONValue) throws(CouchError) -> Int {
        guard history["start"] == 0, let id = history["ids"]?.arrayValue?.first?.stringValue else {
            throw .documentValidation("_revisions of a local document must be like {\"start\":0,\"ids\":[\"1\"]}")
        }
        return try number("0-\(id)")
    }
}

extension DocumentID {
    /// The id of the local document of that name, or the one that a client wrote.
    fileprivate init(_ text: String, orNamed name: String?) throws(CouchError) {
        try self.init(name.map { DocumentID.local($0).text } ?? text)
    }
}

extension DocumentStore {
    /// Writes or deletes a local document.
    ///
    /// - Returns: Its new revision, `0-0` when it is deleted.
    func write(_ edit: LocalEdit, in database: Database, for caller: Caller) async throws -> String {
        guard edit.isDeleted else {
            let number = try await writeLocalDocument(
                edit.name,
                body: edit.body,
                after: edit.revision,
                in: database,
                for: caller
            )
            return "0-\(number)"
        }
        do {
            try await deleteLocalDocument(edit.name, in: database, for: caller)
        } catch let error as CouchError where error == .missing {
            // As in CouchDB, who says that it is deleted does not ask whether it was there.
        }
        return "0-0"
    }
}
