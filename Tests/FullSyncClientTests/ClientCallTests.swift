import CouchProtocol
import Foundation
import JSON
import TestSupport
import Testing

@testable import FullSyncClient

/// Calls of local databases in the reference's words, without a server.
@Suite struct ClientCallTests {
    private let directory = URL(fileURLWithPath: TestDirectory.make("calls"))
    private let client: FullSyncClient

    init() throws {
        // Port 9 is nobody's.
        client = try FullSyncClient(server: "http://127.0.0.1:9", directory: directory, defaultDatabase: "db")
    }

    @Test func `parameters lead through objects to members`() async throws {
        let receipt = try await client.call(
            "fs://.post",
            ["_id": "a", "my.specific.key": "data", "my.other": 1, "my": ["third": true], "a..b": 0, "__live": "x"]
        )
        #expect(receipt["ok"] == true && receipt["id"] == "a")
        let read = try await client.call("fs://.get", ["docid": "a"])
        #expect(read["my"] == ["specific": ["key": "data"], "other": 1, "third": true])
        #expect(read["a..b"] == 0 && read["__live"] == nil)
        try await client.call("fs://db.post", ["_id": "b", "_use_subkey_separator": "->", "x->y.z": 1])
        #expect(try await client.call("fs://db.get", ["docid": "b"])["x"] == ["y.z": 1])
    }

    @Test func `a merge follows its rules`() async throws {
        let before: JSONObject = ["_id": "a", "o": ["x": 1], "list": ["one", "two", "three", "four"], "gone": 1]
        try await client.call("fs://.post", before)
        try await client.call(
            "fs://.post",
            [
                "_id": "a", "_use_policy": "merge", "list": [true, false], "o.y": 2, "_use_merge_o": "override",
                "_use_merge_gone": "delete",
            ]
        )
        let read = try await client.call("fs://.get", ["docid": "a"])
        #expect(read["list"] == [true, false, "three", "four"])
        #expect(read["o"] == ["y": 2] && read["gone"] == nil)
    }

    @Test func `every verb answers as CouchDB does`() async throws {
        #expect(try await client.call("fs://other.create") == ["ok": true])
        let bulk = try await client.call("fs://.bulk", ["docs": [["_id": "a"], ["_id": "b"], ["_id": "_c"]]])
        #expect(bulk.arrayValue?.map { $0["error"] ?? .null } == [nil, nil, "illegal_docid"])
        let all = try await client.call("fs://.all", ["include_docs": "true", "limit": "1", "startkey": "b"])
        #expect(all["total_rows"] == 2 && all["rows"]?.arrayValue?.map { $0["doc"]?["_id"] } == ["b"])
        let keys = try await client.call("fs://.all", ["keys": ["x", "a"]])
        #expect(keys["rows"]?.arrayValue?.map { $0["error"] ?? .null } == ["not_found", nil])
        for (key, ids) in [("a", ["a"]), ("x", [])] {
            let rows = try await client.call("fs://.all", ["key": .string(key)])["rows"]?.arrayValue
            #expect(rows?.compactMap { $0["id"]?.stringValue } == ids)
        }
        try await client.call("fs://.put_attachment", ["docid": "a", "name": "n", "content": "aGVsbG8="])
        let whole = ["docid": "a", "open_revs": "all", "attachments": true, "revs": true] as JSONObject
        let revision = try await client.call("fs://.get", whole).arrayValue?.first?["ok"]
        #expect(revision?["_attachments"]?["n"]?["data"] == "aGVsbG8=")
        #expect(revision?["_revisions"]?["start"] == 2)
        #expect(try await client.call("fs://.get_attachment", ["docid": "a", "name": "n"])["data"] == "aGVsbG8=")
        try await client.call("fs://.delete_attachment", ["docid": "a", "name": "n"])
        let leaves = try await client.call("fs://.get", ["docid": "a", "open_revs": "all"])
        #expect(leaves.arrayValue?.compactMap { $0["ok"]?["_id"] } == ["a"])
        try await client.call("fs://.delete", ["docid": "a"])
        #expect(try await client.call("fs://.info")["doc_count"] == 1)
        let dump = #"""
            {"docs":[{"_id":"x","_rev":"3-cc","_revisions":{"start":3,"ids":["cc","bb","aa"]},"n":1}]}
            {"seq":"7-x"}
            """#
        #expect(try await client.call("fs://.bulk", ["data": .string(dump)])["docs_written"] == 1)
        #expect(try await client.call("fs://.get", ["docid": "x"])["_rev"] == "3-cc")
        try await client.call(
            "fs://.post",
            ["_id": "_design/d", "views": ["v": ["map": "function (doc) { emit(doc.n) }"]]]
        )
        let rows = try await client.call("fs://.view", ["ddoc": "d", "view": "v", "key": 1, "include_docs": true])
        #expect(rows["total_rows"] == 2 && rows["rows"]?.arrayValue?.map { $0["doc"]?["_id"] } == ["x"])
        try await client.call("fs://.createIndex", ["fields": ["n"], "name": "by-n", "ddoc": "i"])
        let found = try await client.call("fs://.find", ["selector": ["n": 1], "fields": ["_id"]])
        #expect(found["docs"] == [["_id": "x"]] && found["warning"] == nil)
        #expect(try await client.call("fs://.explain", ["selector": ["n": 1]])["index"]?["name"] == "by-n")
        #expect(try await client.call("fs://.getIndexes")["total_rows"] == 2)
        #expect(try await client.call("fs://.deleteIndex", ["ddoc": "i", "name": "by-n"]) == ["ok": true])
        #expect(try await client.call("fs://.all_local")["total_rows"] == 0)
        try await client.call("fs://.reset")
        #expect(try await client.call("fs://.info")["doc_count"] == 0)
        #expect(try await client.call("fs://.sync", ["cancel": true]) == ["ok": true])
    }

    @Test(
        arguments: [
            ("fs://.all", ["keys": ["a"], "key": "a"], "query_parse_error"),
            ("fs://.get", ["docid": "none", "open_revs": "all"], "not_found"),
            ("fs://.view", [:], "bad_request"), ("fs://.get", [:], "bad_request"), ("nothing", [:], "bad_request"),
            ("fs://.get", ["docid": "x"], "not_found"), ("fs://UPPER.get", ["docid": "x"], "illegal_database_name"),
            ("fs://.post", ["_use_policy": "x"], "bad_request"), ("fs://.all", ["limit": -1], "bad_request"),
            ("fs://.post", ["_use_merge_x": "x"], "bad_request"), (".sequence", [:], "bad_request"),
            ("project.sequence", [:], "unreachable"), ("fs://.replicate_pull", ["retry": false], "unreachable"),
        ] as [(String, JSONObject, String)]
    )
    func `a call that cannot be answered says why`(call: String, parameters: JSONObject, name: String) async throws {
        do {
            let answer = try await client.call(call, parameters)
            Issue.record("\(answer)")
        } catch let error as FullSyncError {
            #expect(error.error == name)
        }
    }

    @Test func `responses go to those who listen for that marker`() async throws {
        let marked = client.responses(to: "fs://.info#mine")
        try await client.call("fs://.info#other")
        try await client.call("fs://.info#mine")
        for await response in marked {
            #expect(response["db_name"] == "db")
            break
        }
    }

    @Test func `what was written is there when the application starts again`() async throws {
        try await client.call("fs://.post", ["_id": "a"])
        try await client.close()
        let again = try FullSyncClient(server: "http://127.0.0.1:9", directory: directory, defaultDatabase: "db")
        #expect(try await again.call("fs://.get", ["docid": "a"])["_id"] == "a")
        await #expect(throws: FullSyncError.self) { try await again.login(name: "ada", password: "x") }
        #expect(try await again.call("fs://.get", ["docid": "a"])["_id"] == "a")
    }

    @Test func `two live calls of one name at once are one repetition, and cancelling ends it`() async throws {
        try await client.call("fs://.post", ["_id": "a", "n": 0])
        var answers = client.responses(to: "fs://.get#mine").makeAsyncIterator()
        var others = client.responses(to: "fs://.get#other").makeAsyncIterator()
        var counted = 0
        for round in 1...20 {
            let parameters: JSONObject = ["docid": "a", "__live": "mine"]
            async let one = client.call("fs://.get#mine", parameters)
            async let two = client.call("fs://.get#mine", parameters)
            let numbers = try await [one["n"], two["n"]]
            #expect(numbers == [.number(JSONNumber(round - 1)), .number(JSONNumber(round - 1))])
            // One that begins later, and so is told later than those.
            try await client.call("fs://.get#other", ["docid": "a", "__live": "other"])
            try await client.call(
                "fs://.post",
                ["_id": "a", "_use_policy": "override", "n": .number(JSONNumber(round))]
            )
            while let answer = await others.next() { if answer["__fromLive"] != nil { break } }
            await client.cancelLive("mine")
            await client.responses.send(["mark": true], to: "fs://.get#mine")
            while let answer = await answers.next(), answer["mark"] == nil {
                if answer["__fromLive"] != nil { counted += 1 }
            }
        }
        #expect(counted <= 20, "each change is told once")
        await client.cancelLive("other")
        #expect(await client.lives.isEmpty)
    }

    @Test func `a repetition that ends by itself is forgotten`() async throws {
        let design: JSONObject = ["_id": "_design/d", "views": ["v": ["map": "function (doc) { emit(doc.n) }"]]]
        try await client.call("fs://.post", design)
        try await client.call("fs://.view", ["ddoc": "d", "view": "v", "__live": "x"])
        #expect(await client.lives.count == 1)
        try await client.call("fs://.delete", ["docid": "_design/d"])
        try await eventually("it has ended") { await client.lives.isEmpty }
    }
}
