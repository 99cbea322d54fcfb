package import CouchProtocol
package import JSON

/// An index that Mango may answer queries with: a view of a design document of the language `query`
/// (<https://docs.couchdb.org/en/stable/api/database/find.html#db-index>).
package struct QueryIndex: Sendable, Hashable {
    /// A field by whose values the rows are ordered, with the direction that its definition names.
    ///
    /// The direction says nothing about the rows, which can be read both ways.
    package struct Column: Sendable, Hashable {
        package let path: FieldPath
        package let direction: String

        package init(path: FieldPath, direction: String) {
            self.path = path
            self.direction = direction
        }
    }

    package let design: DocumentID
    package let name: String
    /// A document that lacks one of them is not in the index.
    package let columns: [Column]
    /// Which documents are in the index; nil for all.
    package let partialFilter: Selector?

    package init(design: DocumentID, name: String, columns: [Column], partialFilter: Selector?) {
        self.design = design
        self.name = name
        self.columns = columns
        self.partialFilter = partialFilter
    }

    /// The indexes of a design document; none when its language is another.
    ///
    /// As in CouchDB, a view that is no index definition is passed over.
    package static func all(in id: DocumentID, _ document: JSONObject) -> [QueryIndex] {
        guard document["language"]?.stringValue == "query", let views = document["views"]?.objectValue else {
            return []
        }
        return views.compactMap { name, view in QueryIndex(id, name, view) }
    }

    private init?(_ design: DocumentID, _ name: String, _ view: JSONValue) {
        guard let map = view["map"]?.objectValue, let fields = map["fields"]?.objectValue,
            view["options"]?.objectValue != nil
        else { return nil }
        var columns: [Column] = []
        for (field, direction) in fields {
            guard let direction = direction.stringValue, let path = try? FieldPath(parsing: field) else { return nil }
            columns.append(Column(path: path, direction: direction))
        }
        // Text indexes of old wrote `selector`, and CouchDB reads it in any index.
        let filter = [map["partial_filter_selector"], map["selector"]].compactMap(\.self)
            .first { $0.objectValue?.isEmpty == false }
        guard let filter else {
            self.init(design: design, name: name, columns: columns, partialFilter: nil)
            return
        }
        guard let selector = try? Selector(parsing: filter) else { return nil }
        self.init(design: design, name: name, columns: columns, partialFilter: selector)
    }

    /// The index as `_index` and `_explain` show it.
    package var json: JSONValue {
        var definition: JSONObject = [
            "fields": .array(columns.map { .object(JSONObject([($0.path.text, .string($0.direction))])) })
        ]
        if let partialFilter { definition["partial_filter_selector"] = partialFilter.json }
        return [
            "ddoc": .string(design.text), "name": .string(name), "type": "json", "partitioned": false,
            "def": .object(definition),
        ]
    }

    /// Whether a document derived from a row alone has all of these fields.
    package func covers(_ fields: [FieldPath]) -> Bool {
        let available = columns.map(\.path) + [.id]
        return fields.allSatisfy(available.contains)
    }
}

extension QueryIndex: Comparable {
    /// The order in which indexes are listed, and in which equally good ones are preferred.
    package static func < (lhs: QueryIndex, rhs: QueryIndex) -> Bool {
        guard lhs.design == rhs.design else { return lhs.design < rhs.design }
        return lhs.name.utf8.lexicographicallyPrecedes(rhs.name.utf8)
    }
}

/// What a query can be answered from.
package enum CandidateIndex: Sendable, Hashable {
    /// All documents by id (`_all_docs`), which is always there.
    case allDocuments
    case index(QueryIndex)

    /// The index as `_index` and `_explain` show it.
    package var json: JSONValue {
        switch self {
        case .allDocuments:
            ["ddoc": nil, "name": "_all_docs", "type": "special", "def": ["fields": [["_id": "asc"]]]]
        case .index(let index): index.json
        }
    }

    /// The fields by whose values the rows are ordered.
    package var columns: [FieldPath] {
        switch self {
        case .allDocuments: [.id]
        case .index(let index): index.columns.map(\.path)
        }
    }

    /// The index, when it is one of a design document.
    package var index: QueryIndex? {
        guard case .index(let index) = self else { return nil }
        return index
    }
}

extension FieldPath {
    /// The field that every document has, compared by its bytes.
    package static let id = FieldPath(names: ["_id"])
    static let revision = FieldPath(names: ["_rev"])
}
