package import CouchProtocol
package import JSON

/// What a `POST _index` asks: an index definition, and where it is to stand.
package struct IndexRequest: Sendable {
    package let design: DocumentID
    package let name: String
    private let fields: SortFields
    private let partialFilter: Selector
    /// The definition as it was sent, which CouchDB keeps beside the one that it reads.
    private let definition: JSONValue

    package init(parsing body: JSONObject, limits: SelectorLimits = SelectorLimits()) throws(CouchError) {
        var members = RequestMembers(body)
        definition = try members.required("index")
        let type = members.take("type") ?? "json"
        guard let type = type.stringValue else {
            throw .mango("invalid_string", "Invalid string: \(ErlangTerm.text(of: type))")
        }
        let name = try members.name("name")
        let design = try members.name("ddoc")
        let copies = try members.positive("w", default: 2)
        let isPartitioned = members.take("partitioned").map { $0 != false } ?? false
        try members.finish()
        try Self.check(type: type)
        guard !isPartitioned else {
            throw .badRequest("`partitioned` option cannot be true in a non-partitioned database.")
        }
        guard let parts = definition.objectValue else {
            throw .mango(
                "invalid_index",
                "JSON indexes must be an object, not: \(ErlangTerm.text(of: definition))"
            )
        }
        let generated = GeneratedName(definition: definition, name: name, design: design, copies: copies).text
        self.name = name ?? generated
        self.design = try Self.design(named: design ?? generated)
        var rest = RequestMembers(parts)
        fields = try SortFields(parsing: try rest.required("fields"))
        partialFilter = try Selector(parsing: rest.take("partial_filter_selector") ?? [:], limits: limits)
        try rest.finish()
    }

    /// The id of the design document that a name means, with `_design/` or without.
    package static func design(named name: String) throws(CouchError) -> DocumentID {
        try DocumentID.design(named: name)
    }

    /// Indexes of other types need a search plug-in, as in CouchDB.
    private static func check(type: String) throws(CouchError) {
        switch type {
        case "json": return
        case "text", "nouveau":
            throw CouchError(status: 503, error: "required index service unavailable", reason: type)
        default: throw .mango("invalid_index", "Invalid type for index: \(type)")
        }
    }

    /// The view that stands for the index in its design document.
    private var view: JSONValue {
        [
            "map": ["fields": .object(fields.json), "partial_filter_selector": partialFilter.json],
            "reduce": "_count",
            "options": ["def": definition],
        ]
    }

    /// The design document with the index in it.
    ///
    /// - Parameter document: The one that there is; nil for a new one.
    /// - Throws: `invalid_ddoc_lang` when it is one of another language.
    package func added(to document: JSONObject?) throws(CouchError) -> JSONObject {
        guard var document else { return ["language": "query", "views": .object(JSONObject([(name, view)]))] }
        try Self.checkLanguage(of: document)
        var views = document["views"]?.objectValue ?? JSONObject()
        views[name] = view
        document["views"] = .object(views)
        return document
    }

    /// The design document without these views of it; nil when nothing is left of it.
    package static func removing(_ names: [String], from document: JSONObject) -> JSONObject? {
        var (document, views) = (document, document["views"]?.objectValue ?? JSONObject())
        for name in names { views[name] = nil }
        document["views"] = views.isEmpty ? nil : .object(views)
        return document == ["language": "query"] ? nil : document
    }

    private static func checkLanguage(of document: JSONObject) throws(CouchError) {
        let language = document["language"]
        guard language != "query" else { return }
        let term = language.map { "{\(ErlangTerm.text(of: "language")),\(ErlangTerm.text(of: $0))}" } ?? "false"
        throw .mango("invalid_ddoc_lang", "Existing design doc has an invalid language: \(term)")
    }
}

/// What a `POST _index/_bulk_delete` asks: whose indexes are to go.
package struct BulkIndexDeletion: Sendable {
    /// How many design documents may be named.
    private static let limit = 1_000

    package let designs: [DocumentID]

    package init(parsing body: JSONObject) throws(CouchError) {
        var members = RequestMembers(body)
        let value = try members.required("docids")
        guard let list = value.arrayValue, list.count <= Self.limit else {
            throw .mango(
                "invalid_bulk_docs",
                "Bulk Delete requires an array of non-null docids. Docids: \(ErlangTerm.text(of: value))"
            )
        }
        var designs: [DocumentID] = []
        for element in list {
            guard let text = element.stringValue, try !FindRequest.indexName(element).isEmpty else {
                throw .mango("invalid_index_name", "Invalid index name: \(ErlangTerm.text(of: element))")
            }
            designs.append(try IndexRequest.design(named: text))
        }
        self.designs = designs
        _ = try members.positive("w", default: 2)
        try members.finish()
    }
}
