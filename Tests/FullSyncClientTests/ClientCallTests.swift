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
        try await client.call("fs://.put_attachment", ["docid": "a", "name": "n", "content": "aGVsbG8="])
        #expect(try await client.call("fs://.get_attachment", ["docid": "a", "name": "n"])["data"] == "aGVsbG8=")
        try await client.call("fs://.delete_attachment", ["docid": "a", "name": "n"])
        let leaves = try await client.call("fs://.get", ["docid": "a", "open_revs": "all"])
        #expect(leaves.arrayValue?.compactMap { $0["ok"]?["_id"] } == ["a"])
        try await client.call("fs://.delete", ["docid": "a"])
        #expect(try await client.call("fs://.info")["doc_count"] == 1)
        try await client.call("fs://.reset")
        #expect(try await client.call("fs://.info")["doc_count"] == 0)
        #expect(try await client.call("fs://.sync", ["cancel": true]) == ["ok": true])
    }

    @Test(
        arguments: [
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
}
