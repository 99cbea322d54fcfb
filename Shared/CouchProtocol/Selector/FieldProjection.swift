package import JSON

/// The members of a document that a reader wants: `fields` of `_find` and of `_changes?filter=_selector`.
package struct FieldProjection: Sendable, Hashable {
    /// How many fields may be named.
    private static let limit = 1_000

    private let paths: [FieldPath]

    /// The fields that a request names; an empty list is all of them.
    ///
    /// - Returns: Nil for all fields.
    package init?(parsing value: JSONValue) throws(CouchError) {
        guard let fields = value.arrayValue else {
            throw .badRequest("Selector error: fields must be JSON array")
        }
        guard fields.count <= Self.limit else { throw .badRequest("More than \(Self.limit) fields are named.") }
        var paths: [FieldPath] = []
        for field in fields {
            guard let text = field.stringValue else {
                throw CouchError(
                    status: 400,
                    error: "invalid_field",
                    reason: "Invalid JSON for field spec: \(ErlangTerm.text(of: field))"
                )
            }
            paths.append(try FieldPath(parsing: text))
        }
        guard !paths.isEmpty else { return nil }
        self.paths = paths
    }

    /// The document with these fields alone, each at its place.
    package func apply(to document: JSONValue) -> JSONValue {
        var result = JSONObject()
        for path in paths {
            guard case .value(let value) = path.find(in: document) else { continue }
            result = Self.setting(value, at: path.names[...], in: result)
        }
        return .object(result)
    }

    private static func setting(_ value: JSONValue, at names: ArraySlice<String>, in object: JSONObject) -> JSONObject {
        guard let name = names.first else { return object }
        var object = object
        let rest = names.dropFirst()
        object[name] =
            rest.isEmpty
            ? value : .object(setting(value, at: rest, in: object[name]?.objectValue ?? JSONObject()))
        return object
    }
}
