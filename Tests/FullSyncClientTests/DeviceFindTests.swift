import CouchProtocol
import Foundation
import JSON
import TestSupport
import Testing

@testable import FullSyncClient

/// Queries by selector on the device.
@Suite struct DeviceFindTests {
    private let database: FullSyncDatabase

    init() throws {
        let path = TestDirectory.make("find") + "/db.sqlite"
        database = FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path))
    }

    private func fill() async throws {
        try await database.bulk(
            (0..<100).map { place in
                [
                    "_id": .string("d\(place + 100)"), "n": .number(JSONNumber(place)), "even": .bool(place % 2 == 0),
                    "name": ["last": .string("name \(place % 10)")],
                ]
            }
        )
    }

    private func ids(_ request: JSONObject) async throws -> [String] {
        try await database.find(request).documents.compactMap { $0["_id"]?.stringValue }
    }

    @Test func `an index is used where it can be, and followed`() async throws {
        try await fill()
        let request: JSONObject = ["selector": ["n": ["$gte": 10, "$lt": 13]], "sort": ["n"]]
        await #expect(throws: FullSyncError.self) { try await database.find(request) }
        let receipt = try await database.createIndex(["n"], name: "by-n", design: "numbers")
        #expect(receipt == IndexReceipt(design: "_design/numbers", name: "by-n", isNew: true))
        #expect(try await database.createIndex(["n"], name: "by-n", design: "numbers").isNew == false)
        let result = try await database.find(request)
        #expect(result.documents.map { $0["n"] } == [10, 11, 12])
        // The end of a range is in what is read.
        #expect(result.keysExamined == 4 && result.documentsExamined == 4 && result.warning == nil)
        #expect(try await database.explain(request)["index"]?["name"] == "by-n")
        try await database.post(["_id": "new", "n": 11.5])
        try await database.delete("d111")
        #expect(try await ids(request) == ["d110", "new", "d112"])
        var descending = request
        descending["sort"] = [["n": "desc"]]
        #expect(try await ids(descending) == ["d112", "new", "d110"])
        let covered = try await database.find(["selector": ["n": ["$gt": 97]], "fields": ["_id", "n"]])
        #expect(covered.documents == [["_id": "d198", "n": 98], ["_id": "d199", "n": 99]])
        #expect(covered.documentsExamined == 0)
        struct Numbered: Codable, Equatable {
            var n: Int
        }
        #expect(try covered.documents(as: Numbered.self) == [Numbered(n: 98), Numbered(n: 99)])
        try await database.deleteIndex("by-n", of: "numbers")
        #expect(try await database.indexes().count == 1)
        await #expect(throws: FullSyncError.self) { try await database.deleteIndex("by-n", of: "numbers") }
    }

    @Test func `pages go on by bookmarks, with an index and without`() async throws {
        try await fill()
        for hasIndex in [false, true] {
            if hasIndex { try await database.createIndex(["even", "n"]) }
            var found: [String] = []
            var request: JSONObject = ["selector": ["even": true, "n": ["$gte": 50]], "limit": 7]
            while true {
                let result = try await database.find(request)
                if result.documents.isEmpty { break }
                found += result.documents.compactMap { $0["_id"]?.stringValue }
                request["bookmark"] = .string(result.bookmark)
            }
            #expect(found == (50..<100).filter { $0 % 2 == 0 }.map { "d\($0 + 100)" })
        }
        #expect(try await ids(["selector": [:]]).count == 25)
        #expect(try await ids(["selector": [:], "limit": 1000]).count == 100)
        #expect(try await ids(["selector": ["_id": ["$gt": "d150"]], "skip": 2, "limit": 2]) == ["d153", "d154"])
    }

    @Test func `indexes made on the device stay there`() async throws {
        let server = MemoryReplica(identity: "server")
        try await database.createIndex(["n"])
        try await database.post(["_id": "a", "n": 1])
        let run = SyncRun(
            name: "db",
            device: database.replica,
            server: server,
            options: SyncOptions(),
            control: SyncControl(),
            report: { _ in }
        )
        #expect(try await run.run().pushed == 1)
        #expect(await server.info().documentCount == 1)
    }

    /// Random documents and selectors: with indexes and without the answers are the same.
    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func `an index changes no answer`(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let values: [JSONValue] = [0, 1, 2, "a", "b", nil, true, [1], ["x": 1]]
        func value() -> JSONValue { values.randomElement(using: &random) ?? nil }
        for place in 0..<60 {
            var document: JSONObject = ["_id": .string("d\(place)")]
            for name in ["a", "b"] where Bool.random(using: &random) { document[name] = value() }
            try await database.post(document)
        }
        var answers: [(request: JSONObject, ids: [String])] = []
        for _ in 0..<40 {
            var selector: JSONObject = [:]
            for name in ["a", "b"] where Bool.random(using: &random) {
                let relation = ["$eq", "$gt", "$lte", "$ne", "$exists"].randomElement(using: &random) ?? "$eq"
                selector[name] = [relation: relation == "$exists" ? .bool(Bool.random(using: &random)) : value()]
            }
            let request: JSONObject = ["selector": .object(selector), "limit": 1000]
            answers.append((request, try await ids(request).sorted()))
        }
        try await database.createIndex(["a"])
        try await database.createIndex(["b", "a"])
        for (request, expected) in answers { #expect(try await ids(request).sorted() == expected, "\(request)") }
    }
}
