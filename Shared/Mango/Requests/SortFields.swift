package import CouchProtocol
package import JSON

/// Fields with one direction for all of them: a query's `sort`, or the `fields` of an index.
package struct SortFields: Sendable, Hashable {
    /// How many fields there may be.
    private static let limit = 256

    package let paths: [FieldPath]
    package let isDescending: Bool

    /// No order.
    package static let none = SortFields(paths: [], isDescending: false)

    private init(paths: [FieldPath], isDescending: Bool) {
        self.paths = paths
        self.isDescending = isDescending
    }

    /// Reads `["a", {"b": "asc"}]`.
    ///
    /// - Throws: `invalid_sort_json`, `invalid_sort_field`, `unsupported_mixed_sort`.
    package init(parsing value: JSONValue) throws(CouchError) {
        guard let list = value.arrayValue else {
            throw .mango(
                "invalid_sort_json",
                "Sort must be an array of sort specs, not: \(ErlangTerm.text(of: value, isForPeople: true))"
            )
        }
        guard list.count <= Self.limit else {
            throw .mango("invalid_sort_json", "More than \(Self.limit) fields are named.")
        }
        var paths: [FieldPath] = []
        var directions: Set<String> = []
        for element in list {
            let (name, direction) = try Self.field(element)
            paths.append(try FieldPath(parsing: name))
            directions.insert(direction)
        }
        guard directions.count < 2 else {
            throw .mango(
                "unsupported_mixed_sort",
                "Sorts currently only support a single direction for all fields."
            )
        }
        self.init(paths: paths, isDescending: directions.contains("desc"))
    }

    private static func field(_ element: JSONValue) throws(CouchError) -> (name: String, direction: String) {
        if let name = element.stringValue, !name.isEmpty { return (name, "asc") }
        if let members = element.objectValue, members.count == 1, let name = members.names.first,
            let direction = members[name]?.stringValue, direction == "asc" || direction == "desc"
        {
            return (name, direction)
        }
        throw .mango(
            "invalid_sort_field",
            "Invalid sort field: \(ErlangTerm.text(of: element, isForPeople: true))"
        )
    }

    package var direction: String { isDescending ? "desc" : "asc" }

    /// The fields as the members of an object.
    package var json: JSONObject { JSONObject(paths.map { ($0.text, .string(direction)) }) }
}
