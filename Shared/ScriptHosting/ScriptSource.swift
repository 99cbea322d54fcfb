package import JSON

/// The text of a function and what errors call it.
package struct ScriptSource: Sendable, Hashable {
    /// What errors call the function, such as `_design/orders/_view/open map`.
    package let name: String
    /// The function's JavaScript.
    package let text: String

    package init(name: String, text: String) {
        self.name = name
        self.text = text
    }
}

/// A design document's functions with the modules that they may `require`: what a host compiles once and keeps.
package struct ScriptFunctions: Sendable {
    package let sources: [ScriptSource]
    /// The JSON text of the object in which `require` looks for modules; empty for none.
    let library: [UInt8]
    /// Made once, because the texts may be long and are looked up with each batch.
    private let hash: Int

    /// Functions over a library.
    ///
    /// - Parameters:
    ///   - sources: The functions, in the order in which results are wanted.
    ///   - library: The object in which `require` looks: for maps `{"views": {"lib": …}}`, for other functions the
    ///     design document.
    package init(_ sources: [ScriptSource], library: JSONObject = [:]) {
        self.sources = sources
        self.library = library.isEmpty ? [] : JSONValue.object(library).bytes
        var hasher = Hasher()
        hasher.combine(sources)
        hasher.combine(self.library)
        hash = hasher.finalize()
    }
}

extension ScriptFunctions: Hashable {
    package static func == (lhs: ScriptFunctions, rhs: ScriptFunctions) -> Bool {
        lhs.hash == rhs.hash && lhs.sources.elementsEqual(rhs.sources) { $0.isExactly($1) }
            && lhs.library == rhs.library
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(hash)
    }
}

extension ScriptSource {
    /// Whether the texts are the same, scalar by scalar; `==` takes two spellings of one letter for the same.
    fileprivate func isExactly(_ other: ScriptSource) -> Bool {
        name.utf8.elementsEqual(other.name.utf8) && text.utf8.elementsEqual(other.text.utf8)
    }
}

/// Where a sequence's JavaScript stands, for its errors.
package struct ScriptLocation: Sendable, Hashable {
    /// The file, sequence or step.
    package let name: String
    /// The line of the file at which the JavaScript begins.
    package let line: Int

    package init(_ name: String, line: Int = 1) {
        self.name = name
        self.line = line
    }
}
