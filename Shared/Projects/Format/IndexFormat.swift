import CouchProtocol
import JSON
import Mango
import Sequences

/// A Mango index that a database declares: a view of a design document of the language `query`, as `POST _index` makes
/// it.
struct DeclaredIndex {
    /// The name of the design document.
    let design: String
    let position: SourcePosition
    private let request: IndexRequest

    fileprivate init(design: String, position: SourcePosition, request: IndexRequest) {
        self.design = design
        self.position = position
        self.request = request
    }

    /// The name of the index.
    var name: String { request.name }

    /// The design document with the index in it; nil makes a new one.
    ///
    /// - Throws: That the document is of another language.
    func added(to document: JSONObject?) throws(CouchError) -> JSONObject {
        var document = try request.added(to: document)
        document["_id"] = .string("_design/\(design)")
        return document
    }
}

extension SourceMembers {
    /// Reads `indexes: {name: {fields, partial_filter_selector, ddoc}, …}`, whose members are those of `POST _index`
    /// (<https://docs.couchdb.org/en/stable/api/database/find.html#db-index>).
    mutating func indexes() -> [DeclaredIndex] {
        (mapping("indexes") ?? []).compactMap { member in
            guard var reader = SourceMembers(member.node, subject: "an index", problems: problems) else { return nil }
            let index = reader.index(member.name, at: member.position)
            reader.finish()
            return index
        }
    }

    private mutating func index(_ name: String, at position: SourcePosition) -> DeclaredIndex? {
        let design = text("ddoc").map { $0.hasPrefix("_design/") ? String($0.dropFirst(8)) : $0 } ?? name
        let fields = list("fields") ?? []
        describe("fields", as: .list, isRequired: true)
        let filter = take("partial_filter_selector")?.node
        for node in [node(of: "fields"), filter] { problems.pardon(holder: node) }
        guard !fields.isEmpty else {
            reportMissing("fields", expected: "the fields by whose values it is ordered, like [type, due]")
            return nil
        }
        guard !name.isEmpty, !name.hasPrefix("_"), !design.isEmpty, !design.hasPrefix("_") else {
            problems.report("'\(name)' is no name of an index, or '\(design)' none of a design document", at: position)
            return nil
        }
        var definition: JSONObject = ["fields": .array(fields.map(\.json))]
        // Alone first, so that what is wrong has its place.
        guard check(name, design, definition, at: self.position(of: "fields")) != nil else { return nil }
        if let filter, !filter.isNull { definition["partial_filter_selector"] = filter.json }
        return check(name, design, definition, at: filter?.position ?? position).map {
            DeclaredIndex(design: design, position: position, request: $0)
        }
    }

    private func check(
        _ name: String,
        _ design: String,
        _ definition: JSONObject,
        at position: SourcePosition
    ) -> IndexRequest? {
        do throws(CouchError) {
            return try IndexRequest(
                parsing: ["index": .object(definition), "name": .string(name), "ddoc": .string(design)]
            )
        } catch {
            problems.report("the index '\(name)' cannot be: \(error.reason)", at: position)
            return nil
        }
    }
}
