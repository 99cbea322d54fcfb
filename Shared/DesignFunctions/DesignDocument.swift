package import CouchProtocol
package import JSON
package import ScriptHosting

/// A design document, for those who run its functions.
package struct DesignDocument: Sendable {
    package let id: DocumentID
    /// Its members, without special ones.
    package let members: JSONObject

    package init(_ id: DocumentID, _ members: JSONObject) {
        self.id = id
        self.members = members
    }

    /// The design document of which that is the stored body.
    package init(_ id: DocumentID, body: [UInt8]) {
        self.init(id, (try? JSONValue(parsing: body))?.objectValue ?? [:])
    }

    /// Whether its functions are JavaScript, the language of those that name none.
    package var isJavaScript: Bool {
        guard let language = members["language"] else { return true }
        return language == "javascript"
    }

    /// The function of that name under a member, such as `filters`, with all of the design document to `require` from.
    ///
    /// - Throws: 404 in CouchDB's words when there is none.
    package func function(_ name: String, of member: String) throws(CouchError) -> ScriptFunctions {
        guard let functions = members[member], !functions.isNull else { throw Self.missing(member) }
        guard let function = functions[name], !function.isNull else { throw Self.missing(name) }
        return try functionsOfAll([source(function, "\(member)/\(name)")])
    }

    /// The map function of a view, with the modules that maps may `require`.
    ///
    /// - Throws: 404 in CouchDB's words when there is no such view.
    package func map(of view: String) throws(CouchError) -> ScriptFunctions {
        guard let views = members["views"], !views.isNull else { throw Self.missing("views") }
        guard let definition = views[view], !definition.isNull else { throw Self.missing(view) }
        return ScriptFunctions([try source(definition["map"], "views/\(view)/map")], library: viewLibrary)
    }

    /// The function `validate_doc_update`; nil when there is none.
    package var validation: ScriptFunctions? {
        guard isJavaScript, case .string(let text)? = members["validate_doc_update"] else { return nil }
        return ScriptFunctions([ScriptSource(name: "\(id.text)/validate_doc_update", text: text)], library: library)
    }

    /// What maps and reduces find by `require`: the modules under `views.lib`.
    package var viewLibrary: JSONObject {
        guard let modules = members["views"]?["lib"] else { return [:] }
        return ["views": ["lib": modules]]
    }

    /// What all other functions find by `require`, and have as their `this`: the whole design document.
    package var library: JSONObject {
        var library = members
        library["_id"] = .string(id.text)
        return library
    }

    private func functionsOfAll(_ sources: [ScriptSource]) -> ScriptFunctions {
        ScriptFunctions(sources, library: library)
    }

    private func source(_ value: JSONValue?, _ name: String) throws(CouchError) -> ScriptSource {
        guard isJavaScript else {
            let language = members["language"]?.stringValue ?? ""
            throw CouchError(status: 400, error: "unknown_query_language", reason: language)
        }
        guard let text = value?.stringValue else { throw Self.missing(name) }
        return ScriptSource(name: "\(id.text)/\(name)", text: text)
    }

    private static func missing(_ key: String) -> CouchError { .notFound("missing json key: \(key)") }
}
