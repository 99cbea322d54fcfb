import Collation
import CouchProtocol
import DocumentStore
import JSON
import Mango
import TestSupport
import Testing

@testable import ViewIndexes

/// Queries over random documents, with each index that there is, against a look at every document.
@Suite(.database) struct FindModelTests {
    private static let callers: [Caller] = [
        FindStage.administrator, .user(name: "ann", groups: ["red"]), .user(name: "bob", groups: ["red", "blue"]),
        .user(name: "cleo", groups: []),
    ]

    @Test func `an index finds what a look at every document finds, for whoever asks`() async throws {
        var random = SeededGenerator.announced()
        let stage = try await FindStage.make()
        let indexes = try await [
            stage.index("a", ["a"]), stage.index("b", ["b"]), stage.index("ab", ["a", "b"]),
            stage.index("ba", ["b", "a"]), stage.index("aid", ["a", "_id"]), stage.index("deep", ["c.d", "a"]),
            stage.index("some", ["b"], filter: ["a": ["$gt": 1]]),
        ]
        var (found, byIndex) = (0, 0)
        for _ in 0..<12 {
            for _ in 0..<15 { try await change(stage, &random) }
            for _ in 0..<12 {
                let query = RandomFind.query(indexes, &random)
                for caller in Self.callers {
                    let outcome = try await check(query, indexes, stage, caller)
                    found += outcome.found
                    if outcome.isByIndex { byIndex += 1 }
                }
            }
        }
        // Neither is rare, so that the test could fail.
        #expect(found > 300 && byIndex > 100, "\(found) \(byIndex)")
        await stage.close()
    }

    private func change(_ stage: FindStage, _ random: inout SeededGenerator) async throws {
        let id = "d\(Int.random(in: 0..<40, using: &random))" + (Bool.random(using: &random) ? "" : "é")
        let owner = Int.random(in: 0..<3, using: &random) == 0 ? "ann" : nil
        let groups = ["red", "blue"].filter { _ in Int.random(in: 0..<3, using: &random) == 0 }
        let isDeletion = Int.random(in: 0..<8, using: &random) == 0
        try await stage.put(
            id,
            isDeletion ? nil : RandomFind.document(&random),
            tags: Tags(owner: owner, groups: groups)
        )
    }

    /// Asks in one go and page by page, and compares.
    private func check(
        _ query: JSONObject,
        _ indexes: [QueryIndex],
        _ stage: FindStage,
        _ caller: Caller
    ) async throws -> (found: Int, isByIndex: Bool) {
        let answer: FindStage.Found
        do {
            answer = try await stage.find(query.merging(["limit": 1_000]), caller)
        } catch let error as CouchError {
            #expect(error.error == "no_usable_index", "\(JSONValue.object(query).text): \(error)")
            return (0, false)
        }
        let expected = try await expected(query, answer.plan, stage, caller)
        let ids = expected.compactMap { $0["_id"]?.stringValue }
        let asked = "\(JSONValue.object(query).text) by \(answer.plan.index?.json.text ?? "") for \(caller)"
        #expect(answer.ids == ids, "\(asked)")
        if query["fields"] == nil { #expect(answer.documents == expected, "\(asked)") }
        var (pages, bookmark): ([String], String?) = ([], nil)
        while pages.count <= ids.count {
            var page = query.merging(["limit": 3])
            if let bookmark { page["bookmark"] = .string(bookmark) }
            let part = try await stage.find(page, caller)
            pages += part.ids
            bookmark = part.bookmark?.text
            if part.ids.count < 3 { break }
        }
        #expect(pages == ids, "\(asked), by pages")
        return (ids.count, answer.plan.index?.index != nil)
    }

    private func expected(
        _ query: JSONObject,
        _ plan: FindPlan,
        _ stage: FindStage,
        _ caller: Caller
    ) async throws -> [JSONValue] {
        let selector = try Selector(parsing: query["selector"] ?? [:])
        let isDescending = query["sort"]?.arrayValue?.first?.objectValue != nil
        guard !plan.isEmpty else { return [] }
        let index = plan.index?.index
        let order = JSONCollation.unicode
        let rows = try await stage.all(caller).compactMap { document -> (key: JSONValue, document: JSONValue)? in
            guard selector.matches(document, collation: order) else { return nil }
            guard let index else { return (.null, document) }
            guard index.partialFilter?.matches(document, collation: order) ?? true else { return nil }
            var key: [JSONValue] = []
            for column in index.columns {
                guard case .value(let value) = column.path.find(in: document) else { return nil }
                key.append(value)
            }
            return (.array(key), document)
        }
        let sorted = rows.sorted { left, right in
            let comparison = order.compare(left.key, right.key)
            guard comparison == .equal else { return comparison == .less }
            let ids = [left, right].map { Array(($0.document["_id"]?.stringValue ?? "").utf8) }
            return ids[0].lexicographicallyPrecedes(ids[1])
        }
        return (isDescending ? sorted.reversed() : sorted).map(\.document)
    }
}

/// Makes documents and queries in which the same few fields and values come up again and again.
private enum RandomFind {
    private static let texts = ["", "x", "X", "xy", "é", "e\u{301}", "Z", "a", "ab", "_"]

    static func document(_ random: inout SeededGenerator) -> JSONObject {
        var members = JSONObject()
        for name in ["a", "b"] where Int.random(in: 0..<6, using: &random) > 0 { members[name] = value(1, &random) }
        if Bool.random(using: &random) { members["c"] = ["d": value(1, &random)] }
        return members
    }

    static func query(_ indexes: [QueryIndex], _ random: inout SeededGenerator) -> JSONObject {
        var query: JSONObject = ["selector": selector(2, &random)]
        if Int.random(in: 0..<3, using: &random) > 0, let index = indexes.randomElement(using: &random) {
            query["use_index"] = .string(index.name)
        }
        if Int.random(in: 0..<3, using: &random) == 0 {
            let fields = indexes.randomElement(using: &random)?.columns.map(\.path.text) ?? []
            let isDescending = Bool.random(using: &random)
            query["sort"] = .array(
                fields.map { isDescending ? .object(JSONObject([($0, .string("desc"))])) : .string($0) }
            )
        }
        if Int.random(in: 0..<3, using: &random) == 0 { query["fields"] = ["_id", "a", "c.d"] }
        return query
    }

    private static func value(_ depth: Int, _ random: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 9 : 7), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2, 3: return .number(JSONNumber(Int.random(in: 0...3, using: &random)))
        case 4, 5, 6: return .string(texts.randomElement(using: &random) ?? "")
        case 7: return .array((0..<Int.random(in: 0...2, using: &random)).map { _ in value(0, &random) })
        default: return Bool.random(using: &random) ? ["longer": 1, "b": 2] : ["b": 2, "longer": 1]
        }
    }

    private static func selector(_ depth: Int, _ random: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 3), using: &random) {
        case 0, 1, 2:
            let name = ["a", "b", "_id", "c.d"].randomElement(using: &random) ?? ""
            return .object(JSONObject([(name, condition(name == "_id", &random))]))
        case 3, 4: return ["a": condition(false, &random), "b": condition(false, &random)]
        case 5: return ["$and": [selector(depth - 1, &random), selector(depth - 1, &random)]]
        default: return ["$or": [selector(depth - 1, &random), selector(depth - 1, &random)]]
        }
    }

    private static func condition(_ isOfID: Bool, _ random: inout SeededGenerator) -> JSONValue {
        let value = isOfID ? JSONValue.string("d\(Int.random(in: 0..<40, using: &random))") : value(1, &random)
        switch Int.random(in: 0..<9, using: &random) {
        case 0, 1, 2, 3:
            let relation = ["$lt", "$lte", "$gte", "$gt", "$ne"].randomElement(using: &random) ?? ""
            return .object(JSONObject([(relation, value)]))
        case 4: return ["$gte": .null, "$lt": value]
        case 5: return ["$exists": .bool(Int.random(in: 0..<4, using: &random) > 0)]
        case 6: return ["$beginsWith": .string(isOfID ? "d1" : texts.randomElement(using: &random) ?? "")]
        case 7: return ["$in": [value, "x", 1]]
        default: return ["$eq": value]
        }
    }
}
