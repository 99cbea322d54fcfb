package import Collation
package import CouchProtocol
package import JSON

/// The views of a design document, as far as its text says: what runs them is another matter.
package struct ViewFunctions: Sendable {
    /// The functions of one view.
    package struct Pair: Sendable {
        package let map: String
        package let reduce: String?
    }

    /// Each pair of functions once, in an order of their own: so design documents that name them otherwise share an
    /// index.
    package let pairs: [Pair]
    /// What errors call the map of each.
    package let names: [String]
    /// The place of each view's functions in ``pairs``.
    package let places: [ExactText: Int]
    /// The root of what `require` finds: the member `lib` of the views.
    package let library: JSONObject
    package let order: CollationKey.Order
    /// Whether design documents count (`options.include_design`).
    package let includesDesigns: Bool
    /// Whether documents have `_local_seq` (`options.local_seq`).
    package let showsSequence: Bool

    /// Reads the members `views`, `options` and `language` of a design document.
    ///
    /// - Returns: Nil when it has no views in JavaScript.
    package init?(_ id: DocumentID, _ document: JSONObject) {
        guard document["language"]?.stringValue ?? "javascript" == "javascript",
            let members = document["views"]?.objectValue
        else { return nil }
        var found: [(name: String, pair: Pair)] = []
        for (name, view) in members where name != "lib" {
            guard let map = view["map"]?.stringValue else { continue }
            found.append((name, Pair(map: map, reduce: view["reduce"]?.stringValue)))
        }
        guard !found.isEmpty else { return nil }
        pairs = Array(Set(found.map(\.pair))).sorted()
        let order = Dictionary(uniqueKeysWithValues: pairs.enumerated().map { ($1, $0) })
        var (names, places) = (pairs.map { _ in "" }, [ExactText: Int]())
        for (name, pair) in found {
            let place = order[pair] ?? 0
            places[ExactText(name)] = place
            names[place] = Self.path(id, name) + " map"
        }
        (self.names, self.places) = (names, places)
        library = members["lib"].map { lib in ["views": ["lib": lib]] } ?? [:]
        let options = document["options"]
        includesDesigns = options?["include_design"] == true
        showsSequence = options?["local_seq"] == true
        self.order = options?["collation"] == "raw" ? .raw : .unicode
    }

    /// What errors call a view.
    package static func path(_ id: DocumentID, _ name: String) -> String { "\(id)/_view/\(name)" }

    /// The error about a built-in function that there is not.
    package static func unknown(_ reduce: String, of name: String) -> CouchError {
        CouchError(
            status: 400,
            error: "invalid_design_doc",
            reason: "`\(reduce)` of \(name) is not a supported reduce function."
        )
    }

    /// What the rows depend on: views with the same have the same rows.
    package var sources: [String] {
        pairs.flatMap { [$0.map, $0.reduce ?? ""] } + [JSONValue.object(library).text]
    }
}

extension ViewFunctions.Pair: Hashable, Comparable {
    // By bytes: Unicode calls different texts equivalent.
    private var bytes: [UInt8] { Array(map.utf8) + [0] + Array((reduce ?? "").utf8) }

    package static func == (lhs: Self, rhs: Self) -> Bool { lhs.bytes == rhs.bytes }
    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.bytes.lexicographicallyPrecedes(rhs.bytes) }
    package func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}
