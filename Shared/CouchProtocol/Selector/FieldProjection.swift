package import JSON

/// The members of a document that a reader wants: `fields` of `_find` and of `_changes?filter=_selector`.
package struct FieldProjection: Sendable, Hashable {
    /// How many fields may be named.
    private static let limit = 1_000

    /// The fields, in the order in which they were named.
    package let paths: [FieldPath]

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
            result.set(value, at: path.names[...])
        }
        return .object(result)
    }
}

extension JSONObject {
    /// Puts a value where the path leads, with the objects on the way.
    package mutating func set(_ value: JSONValue, at path: FieldPath) { set(value, at: path.names[...]) }

    fileprivate mutating func set(_ value: JSONValue, at names: ArraySlice<String>) {
        guard let name = names.first else { return }
        let rest = names.dropFirst()
        guard !rest.isEmpty else {
            self[name] = value
            return
        }
        var inner = self[name]?.objectValue ?? JSONObject()
        inner.set(value, at: rest)
        self[name] = .object(inner)
    }
}
