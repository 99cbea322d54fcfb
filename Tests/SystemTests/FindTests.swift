import JSON
import NIOHTTP1
import Testing

extension SystemTests {
    /// `_find`, `_index` and `_explain` over HTTP.
    @Suite(.timeLimit(.minutes(30))) struct FindTests {
        private func stage() async throws -> Stage {
            let stage = try await Stage.make("find")
            for (id, age) in [("ann", 31), ("Bob", 25), ("cleo", 40), ("dan", 25)] {
                try await stage.put(id, ["age": .number(JSONNumber(age)), "name": .string(id)])
            }
            try await stage.put("theirs", ["age": 25, "name": "x", "~owner": .string(stage.cast.stranger)])
            return stage
        }

        private func find(_ client: Client, _ stage: Stage, _ body: String) async throws -> JSONValue {
            let answer = try await client.send("POST", "\(stage.path)/_find", text: body)
            #expect(answer.status == 200, "\(body): \(answer.json)")
            return answer.json
        }

        private func ids(_ answer: JSONValue) -> String {
            (answer["docs"]?.arrayValue ?? []).map { $0["_id"]?.stringValue ?? "?" }.joined(separator: " ")
        }

        @Test func `an index is made, used, listed and deleted`() async throws {
            let stage = try await stage()
            let index: JSONValue = ["index": ["fields": ["age", "name"]], "ddoc": "by-age", "name": "age"]
            let made = try await stage.administrator.send("POST", "\(stage.path)/_index", index)
            #expect(made.status == 200)
            #expect(made.json == ["result": "created", "id": "_design/by-age", "name": "age"])
            let again = try await stage.administrator.send("POST", "\(stage.path)/_index", index)
            #expect(again.json["result"] == "exists")
            let list = try await stage.user.get("\(stage.path)/_index").json
            #expect(list["total_rows"] == 2)
            #expect(list["indexes"]?.arrayValue?.last?["def"] == ["fields": [["age": "asc"], ["name": "asc"]]])
            let found = try await find(
                stage.administrator,
                stage,
                #"{"selector":{"age":{"$gt":20},"name":{"$gt":null}},"sort":["age","name"],"execution_stats":true}"#
            )
            // Names in the order of texts: b in front of d, in front of x.
            #expect(ids(found) == "Bob dan theirs ann cleo")
            #expect(found["warning"] == nil)
            #expect(found["execution_stats"]?["total_docs_examined"] == 5)
            let mine = try await find(
                stage.user,
                stage,
                #"{"selector":{"age":25,"name":{"$exists":true}},"fields":["name"],"execution_stats":true}"#
            )
            #expect(mine["docs"] == [["name": "Bob"], ["name": "dan"]])
            #expect(mine["execution_stats"]?["total_keys_examined"] == 2)
            #expect(mine["execution_stats"]?["total_docs_examined"] == 0)
            try await stage.expect(stage.administrator, "DELETE", "/_index/by-age/json/none", 404, "not_found")
            try await stage.expect(stage.administrator, "DELETE", "/_index/_design/by-age/json/age", 200)
            try await stage.expect(stage.administrator, "GET", "/_design/by-age", 404, "not_found", "deleted")
            #expect(try await stage.user.get("\(stage.path)/_index").json["total_rows"] == 1)
        }

        @Test func `an index that is made by a design document is one`() async throws {
            let stage = try await stage()
            let document: JSONObject = [
                "language": "query",
                "views": [
                    "old": ["map": ["fields": ["name": "asc"]], "reduce": "_count", "options": ["def": [:], "w": 2]]
                ],
            ]
            try await stage.put("_design%2Fold", document)
            let explained = try await stage.user.send(
                "POST",
                "\(stage.path)/_explain",
                ["selector": ["name": ["$gt": "a"]]]
            )
            #expect(explained.json["index"]?["ddoc"] == "_design/old")
            #expect(ids(try await find(stage.user, stage, #"{"selector":{"name":{"$gt":"b"}}}"#)) == "Bob cleo dan")
            let gone = try await stage.administrator.send(
                "POST",
                "\(stage.path)/_index/_bulk_delete",
                ["docids": ["_design/old", "none"]]
            )
            #expect(
                gone.json == [
                    "success": [["id": "_design/old", "ok": true]],
                    "fail": [["id": "_design/none", "error": "not_found"]],
                ]
            )
        }

        @Test func `without an index all documents are looked at, and the client is told`() async throws {
            let stage = try await stage()
            let all = try await find(stage.administrator, stage, #"{"selector":{"age":25}}"#)
            #expect(ids(all) == "Bob dan theirs")
            #expect(all["warning"] == "No matching index found, create an index to optimize query time.")
            #expect(ids(try await find(stage.user, stage, #"{"selector":{"age":25}}"#)) == "Bob dan")
            let first = try await find(
                stage.user,
                stage,
                #"{"selector":{"_id":{"$gt":null}},"limit":3,"fields":["_id"]}"#
            )
            #expect(ids(first) == "Bob ann cleo")
            let bookmark = first["bookmark"]?.text ?? ""
            let rest = try await find(stage.user, stage, #"{"selector":{"_id":{"$gt":null}},"bookmark":\#(bookmark)}"#)
            #expect(ids(rest) == "dan")
            let none = try await find(
                stage.user,
                stage,
                #"{"selector":{"_id":{"$gt":null}},"bookmark":\#(rest["bookmark"]?.text ?? "")}"#
            )
            #expect(ids(none).isEmpty && none["bookmark"] == rest["bookmark"])
            let nothing = try await find(stage.user, stage, #"{"selector":{"age":99}}"#)
            #expect(nothing["bookmark"] == "nil")
        }

        @Test func `a wrong query has CouchDB's error`() async throws {
            let stage = try await Stage.make("find")
            let admin = stage.administrator
            try await stage.expect(admin, "GET", "/_find", nil, 405, "method_not_allowed")
            for (body, status, error) in [
                ("{", 400, "bad_request"), ("[]", 400, "bad_request"), ("{}", 400, "missing_required_key"),
                (#"{"selector":{"a":{"$foo":1}}}"#, 400, "invalid_operator"),
                (#"{"selector":{},"sort":"a"}"#, 400, "invalid_sort_json"),
                (#"{"selector":{},"sort":["a"]}"#, 400, "no_usable_index"),
                (#"{"selector":{},"bookmark":"bad"}"#, 400, "invalid_bookmark"),
            ] {
                try await stage.expect(admin, "POST", "/_find", body, status, error)
            }
            try await stage.expect(
                admin,
                "POST",
                "/_index",
                #"{"index":{"fields":["a"]},"type":"text"}"#,
                503,
                "required index service unavailable"
            )
            try await stage.expect(stage.user, "POST", "/_index", #"{"index":{"fields":["a"]}}"#, 403, "forbidden")
        }

        @Test func `much that is found comes in pieces`() async throws {
            let stage = try await Stage.make("find")
            let text = String(repeating: "lorem ipsum ", count: 200)
            let documents = (0..<300).map { number -> JSONValue in
                ["_id": .string("d\(1_000 + number)"), "n": .number(JSONNumber(number)), "text": .string(text)]
            }
            let written = try await stage.administrator.send(
                "POST",
                "\(stage.path)/_bulk_docs",
                ["docs": .array(documents)]
            )
            try #require(written.status == 201)
            let answer = try await stage.administrator.send(
                "POST",
                "\(stage.path)/_find",
                ["selector": ["n": ["$gte": 0]], "limit": 1_000]
            )
            #expect(answer.headers.first(name: "content-length") == nil)
            #expect(answer.json["docs"]?.arrayValue?.count == 300)
            #expect(answer.json["bookmark"]?.stringValue != nil)
        }
    }
}
