import CouchProtocol
import DocumentStore
import JSON
import TestSupport
import Testing

/// Documents that are made of a template and of lists of values.
@Suite struct BulkTemplateTests {
    /// What the i-th document is, member by member.
    private func model(_ template: BulkTemplate, _ documents: [JSONObject], _ place: Int) -> JSONObject {
        var expected = JSONObject()
        let own = documents.indices.contains(place) ? documents[place] : [:]
        for (name, value) in template.base { expected[name] = value }
        for (name, value) in own { expected[name] = value }
        for (name, value) in template.members { expected[name] = value.arrayValue.map { $0[place] } ?? value }
        return expected
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func `the i-th value goes to the i-th document, over what it and the template say`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let count = Int.random(in: 0...5, using: &random)
        let names = ["a", "b", "c", "d"]
        func flat() -> JSONObject {
            JSONObject(
                names.filter { _ in Bool.random(using: &random) }.map { name in
                    (name, JSONValue.number(JSONNumber(Int.random(in: 0...9, using: &random))))
                }
            )
        }
        var template = BulkTemplate(base: flat(), members: flat())
        let documents = (0..<count).map { _ in flat() }
        let values = (0..<count).map { JSONValue.number(JSONNumber($0)) }
        for name in names where Bool.random(using: &random) { template.members[name] = .array(values) }
        #expect(try template.documents(over: documents) == (0..<count).map { model(template, documents, $0) })
    }

    @Test func `without documents there are as many as the lists have values`() throws {
        let template = BulkTemplate(base: ["size": ["w": 1, "h": 1]], members: ["_id": ["a", "b"]])
        #expect(try template.documents(over: []).map { $0["_id"] } == ["a", "b"])
        #expect(try template.documents(over: [["size": ["h": 2]], [:]])[0]["size"] == ["w": 1, "h": 2])
        #expect(try BulkTemplate(base: ["a": 1]).documents(over: []).isEmpty)
    }

    @Test func `lists that do not fit and posts that are too large are refused`() throws {
        for template in [BulkTemplate(members: ["a": [1], "b": [1, 2]]), BulkTemplate(members: ["a": []])] {
            #expect(throws: CouchError.self) { try template.documents(over: [[:], [:]]) }
        }
        let many = [JSONValue](repeating: 1, count: BulkTemplate.countLimit + 1)
        #expect(throws: CouchError.self) { try BulkTemplate(members: ["a": .array(many)]).documents(over: []) }
    }
}
