import Collation
package import CouchProtocol
import DocumentStore
package import JSON
package import ScriptHosting
import ViewRules

/// The views of a design document, and the index that serves them.
package struct DesignViews: Sendable {
    /// A view by its name: which of the index's views it is, and how it is reduced.
    package struct View: Sendable {
        package let place: Int
        package let reducer: Reducer?
    }

    package let index: IndexDefinition
    package let views: [ExactText: View]
    package let language = "javascript"

    /// Reads the members `views`, `options` and `language` of a design document.
    ///
    /// Views with the same functions are one in the index.
    ///
    /// - Returns: Nil when it has no views in JavaScript.
    /// - Throws: `invalid_design_doc` for what is no function.
    package init?(_ id: DocumentID, _ document: JSONObject, scripts: ScriptHostPool) throws(CouchError) {
        guard let functions = ViewFunctions(id, document) else { return nil }
        var views: [ExactText: View] = [:]
        for (name, place) in functions.places {
            let reducer = try functions.pairs[place].reduce.flatMap { text throws(CouchError) in
                let path = ViewFunctions.path(id, name.text)
                return try Reducer(text, name: "\(path) reduce", library: functions.library, scripts: scripts)
            }
            views[name] = View(place: place, reducer: reducer)
        }
        self.views = views
        var scope = IndexScope()
        scope.includesDesigns = functions.includesDesigns
        scope.showsSequence = functions.showsSequence
        index = IndexDefinition(
            kind: "javascript",
            sources: functions.sources,
            names: functions.names,
            order: functions.order,
            scope: scope,
            mapper: ScriptMapper(
                sources: zip(functions.names, functions.pairs).map { ScriptSource(name: $0, text: $1.map) },
                library: functions.library,
                scripts: scripts
            )
        )
    }

    /// The reducers of the index's views, by their places.
    package var reducers: [Reducer?] {
        index.names.indices.map { place in views.values.first { $0.place == place }?.reducer }
    }
}
