package import CouchProtocol
package import JSON

/// Which members of a design document must be of which type, as CouchDB 3.5 has it (`couch_mrview:validate/2`).
package enum DesignShape {
    private enum Kind: String {
        case object
        case string
        case boolean
        case array

        func fits(_ value: JSONValue) -> Bool {
            switch (self, value) {
            case (.object, .object), (.string, .string), (.boolean, .bool), (.array, .array): true
            default: false
            }
        }
    }

    /// A member, and what it must be.
    private struct Step {
        /// Nil for every member of the object.
        let name: String?
        let kinds: [Kind]

        init(_ name: String?, _ kinds: Kind...) {
            self.name = name
            self.kinds = kinds
        }

        var types: String { kinds.map(\.rawValue).joined(separator: " or ") }
    }

    /// Refuses a design document that CouchDB would refuse, with `invalid_design_doc`.
    package static func check(_ members: JSONObject) throws(CouchError) {
        let map: Kind = members["language"] == "query" ? .object : .string
        let paths: [[Step]] = [
            [Step("filters", .object), Step(nil, .object, .string)],
            [Step("language", .string)],
            [Step("lists", .object), Step(nil, .object, .string)],
            [Step("options", .object), Step("include_design", .boolean)],
            [Step("options", .object), Step("local_seq", .boolean)],
            [Step("options", .object), Step("partitioned", .boolean)],
            [Step("rewrites", .string, .array)],
            [Step("shows", .object), Step(nil, .object, .string)],
            [Step("updates", .object), Step(nil, .object, .string)],
            [Step("validate_doc_update", .string, .object)],
            [Step("views", .object), Step("lib", .object)],
            [Step("views", .object), Step(nil, .object), Step("map", map)],
            [Step("views", .object), Step(nil, .object), Step("reduce", .string)],
        ]
        for path in paths { try check(.object(members), path[...], behind: "") }
        for (name, view) in members["views"]?.objectValue ?? [:] where name != "lib" && view["map"] == nil {
            throw invalid("View `\(name)` must contain map function")
        }
        guard members["options"]?["partitioned"] != true else {
            throw invalid("partitioned option cannot be true in a non-partitioned database.")
        }
    }

    private static func check(
        _ value: JSONValue,
        _ path: ArraySlice<Step>,
        behind prefix: String
    ) throws(CouchError) {
        guard let step = path.first, let members = value.objectValue else { return }
        for (name, member) in members where step.name == nil || step.name == name {
            guard step.kinds.contains(where: { $0.fits(member) }) else {
                throw invalid("`\(prefix)\(name)` field must have \(step.types) type")
            }
            try check(member, path.dropFirst(), behind: "\(prefix)\(name).")
        }
    }

    private static func invalid(_ reason: String) -> CouchError {
        CouchError(status: 400, error: "invalid_design_doc", reason: reason)
    }
}
