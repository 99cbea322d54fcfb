import Collation
package import CouchProtocol
import DocumentStore
package import JSON
package import ScriptHosting

/// The views of a design document, and the index that serves them.
package struct DesignViews: Sendable {
    /// A view by its name: which of the index's views it is, and how it is reduced.
    package struct View: Sendable {
        package let place: Int
        package let reducer: Reducer?
    }

    package let index: IndexDefinition
    package let views: [String: View]
    package let language: String

    /// Reads the members `views`, `options` and `language` of a design document.
    ///
    /// Views with the same functions are one in the index. Their order there is that of the functions, so that design
    /// documents that name them otherwise share the index.
    ///
    /// - Returns: Nil when it has no views in JavaScript.
    /// - Throws: `invalid_design_doc` for what is no function.
    package init?(_ id: DocumentID, _ document: JSONObject, scripts: ScriptHostPool) throws(CouchError) {
        language = document["language"]?.stringValue ?? "javascript"
        guard language == "javascript", let members = document["views"]?.objectValue else { return nil }
        var found: [(name: String, pair: FunctionPair)] = []
        for (name, view) in members where name != "lib" {
            guard let map = view["map"]?.stringValue else { continue }
            found.append((name, FunctionPair(map: map, reduce: view["reduce"]?.stringValue)))
        }
        guard !found.isEmpty else { return nil }
        let pairs = Array(Set(found.map(\.pair))).sorted()
        var places: [FunctionPair: Int] = [:]
        for (place, pair) in pairs.enumerated() { places[pair] = place }
        let library = members["lib"].map { lib in ["views": ["lib": lib]] as JSONObject } ?? [:]
        var views: [String: View] = [:]
        var names = pairs.map { _ in "" }
        for (name, pair) in found {
            let path = "\(id)/_view/\(name)"
            let reducer = try pair.reduce.flatMap { text throws(CouchError) in
                try Reducer(text, name: "\(path) reduce", library: library, scripts: scripts)
            }
            let place = places[pair] ?? 0
            views[name] = View(place: place, reducer: reducer)
            names[place] = "\(path) map"
        }
        self.views = views
        let options = document["options"]
        var scope = IndexScope()
        scope.includesDesigns = options?["include_design"] == true
        scope.showsSequence = options?["local_seq"] == true
        index = IndexDefinition(
            kind: "javascript",
            sources: pairs.flatMap { [$0.map, $0.reduce ?? ""] } + [JSONValue.object(library).text],
            names: names,
            order: options?["collation"] == "raw" ? .raw : .unicode,
            scope: scope,
            mapper: ScriptMapper(
                sources: zip(names, pairs).map { ScriptSource(name: $0, text: $1.map) },
                library: library,
                scripts: scripts
            )
        )
    }

    /// The reducers of the index's views, by their places.
    package var reducers: [Reducer?] {
        index.names.indices.map { place in views.values.first { $0.place == place }?.reducer }
    }
}

/// The functions of a view.
private struct FunctionPair: Hashable, Comparable {
    let map: String
    let reduce: String?

    // By bytes: Unicode calls different texts equivalent.
    private var bytes: [UInt8] { Array(map.utf8) + [0] + Array((reduce ?? "").utf8) }

    static func == (lhs: FunctionPair, rhs: FunctionPair) -> Bool { lhs.bytes == rhs.bytes }
    static func < (lhs: FunctionPair, rhs: FunctionPair) -> Bool { lhs.bytes.lexicographicallyPrecedes(rhs.bytes) }
    func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}
