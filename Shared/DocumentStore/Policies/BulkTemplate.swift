package import CouchProtocol
package import JSON

/// Documents that are made alike: a template, members that all of them get, and members of which each gets its own.
package struct BulkTemplate: Sendable {
    /// What every document has, unless it says otherwise itself; objects are merged deeply.
    package var base: JSONObject
    /// Members by name: of an array the i-th value goes to the i-th document, any other value to all of them.
    ///
    /// They go over what the document and the template say.
    package var members: JSONObject

    /// How many documents one post may have.
    package static let countLimit = 100_000

    package init(base: JSONObject = [:], members: JSONObject = [:]) {
        self.base = base
        self.members = members
    }

    /// The whole documents.
    ///
    /// - Parameter documents: What each one says itself; when there are none, there are as many documents as the arrays
    ///   of `members` have values.
    /// - Throws: `bad_request` when an array has more or fewer values than there are documents.
    package func documents(over documents: [JSONObject]) throws(CouchError) -> [JSONObject] {
        var lists: [(name: String, values: [JSONValue])] = []
        var common = JSONObject()
        for (name, value) in members {
            if let values = value.arrayValue { lists.append((name, values)) } else { common[name] = value }
        }
        let count = documents.isEmpty ? lists.first?.values.count ?? 0 : documents.count
        guard count <= Self.countLimit else {
            throw .badRequest("A post may have at most \(Self.countLimit) documents, and this one has \(count).")
        }
        for (name, values) in lists where values.count != count {
            throw .badRequest("The member '\(name)' has \(values.count) values for \(count) documents.")
        }
        return (0..<count).map { place in
            var document = documents.isEmpty ? base : base.mergingDeeply(documents[place])
            for (name, value) in common { document[name] = value }
            for (name, values) in lists { document[name] = values[place] }
            return document
        }
    }
}
