import JSON
import NIOHTTP1
import Testing

extension SystemTests {
    /// The functions of design documents: what CouchDB 3.5 answers.
    @Suite(.timeLimit(.minutes(30))) struct DesignFunctionTests {
        private static let validation = """
            function (newDoc, oldDoc, userCtx, secObj) {
              if (newDoc.type === 'locked') throw({forbidden: 'locked by ' + userCtx.name});
              if (newDoc.type === 'login') throw({unauthorized: 'who are you?'});
              if (newDoc.type === 'broken') newDoc.a.b.c;
              if (oldDoc && oldDoc.final) throw({forbidden: 'final since ' + oldDoc._rev});
              if (newDoc.admins && userCtx.roles.indexOf('_admin') < 0) throw({forbidden: 'for administrators'});
            }
            """

        private func stage(_ design: JSONObject) async throws -> Stage {
            let stage = try await Stage.make("designs")
            try await stage.put("_design/d", design)
            return stage
        }

        @Test func `every way to write is validated`() async throws {
            let stage = try await stage(["validate_doc_update": .string(Self.validation)])
            let locked = #"{"_id":"a","type":"locked"}"#
            let reason = "locked by admin"
            let admin = stage.administrator
            try await stage.expect(admin, "PUT", "/a", locked, 403, "forbidden", reason)
            try await stage.expect(admin, "POST", "", locked, 403, "forbidden", reason)
            let made = #"{"_rev":"1-a","type":"locked"}"#
            try await stage.expect(admin, "PUT", "/a?new_edits=false", made, 403, "forbidden", reason)
            try await stage.expect(admin, "PUT", "/a", #"{"type":"login"}"#, 401, "unauthorized", "who are you?")
            try await stage.expect(stage.user, "PUT", "/a", #"{"admins":1}"#, 403, "forbidden", "for administrators")
            try await stage.expect(admin, "PUT", "/_local/a", #"{"type":"locked"}"#, 201)
            let broken = try await admin.send("PUT", "\(stage.path)/a", ["type": "broken"])
            #expect(broken.status == 500 && broken.error == "TypeError")
            #expect(broken.reason?.hasPrefix("_design/d/validate_doc_update:4") == true, "\(broken.json)")

            let final = try await stage.put("final", ["final": true])
            let refusal = "final since \(final)"
            try await stage.expect(admin, "DELETE", "/final?rev=\(final)", 403, "forbidden", refusal)
            try await stage.expect(admin, "PUT", "/final/x?rev=\(final)", "text", 403, "forbidden", refusal)
            let copy = [("Destination", "final?rev=\(final)")]
            try await stage.put("b")
            try await stage.expect(admin, "COPY", "/b", headers: copy, 403, "forbidden", refusal)
            #expect(try await admin.get("\(stage.path)/final").json["_rev"]?.stringValue == final)
        }

        @Test func `a batch is refused document by document`() async throws {
            let stage = try await stage(["validate_doc_update": .string(Self.validation)])
            let documents: JSONValue = [["_id": "a"], ["_id": "b", "type": "locked"], ["_id": "c"]]
            let answer = try await stage.administrator.send("POST", "\(stage.path)/_bulk_docs", ["docs": documents])
            #expect(answer.status == 201)
            #expect(answer.json.arrayValue?.map { $0["ok"] } == [true, nil, true])
            #expect(answer.json.arrayValue?[1]["error"] == "forbidden")
            #expect(answer.json.arrayValue?[1]["reason"] == "locked by admin")
            let replicated = try await stage.administrator.send(
                "POST",
                "\(stage.path)/_bulk_docs",
                [
                    "new_edits": false,
                    "docs": [["_id": "d", "_rev": "1-a"], ["_id": "e", "_rev": "1-a", "type": "locked"]],
                ]
            )
            #expect(replicated.json.arrayValue?.map { $0["id"] } == ["e"])
            #expect(replicated.json.arrayValue?.first?["rev"] == "1-a")
            #expect(try await stage.administrator.get("\(stage.path)/d").status == 200)
        }

        @Test func `a filter sees the caller's documents and the request`() async throws {
            let stage = try await stage([
                "filters": [
                    "type": "function (doc, req) { return doc._deleted || doc.type === req.query.type }",
                    "mine": "function (doc, req) { return doc['~owner'] === req.userCtx.name }",
                    "all": "function (doc, req) { return true }",
                    "throws": "function (doc, req) { return doc.a.b }",
                ],
                "views": ["numbers": ["map": "function (doc) { if (doc.n) emit(doc.n, null) }"]],
            ])
            let owner = JSONValue.string(stage.cast.first)
            try await stage.put("a", ["type": "x", "~owner": owner])
            try await stage.put("b", ["type": "y", "n": 1])
            try await stage.put("c", ["type": "x", "~owner": .string(stage.cast.stranger)])
            func ids(_ client: Client, _ query: String) async throws -> [String] {
                let answer = try await client.get("\(stage.path)/_changes?\(query)")
                try #require(answer.status == 200, "\(answer.json)")
                return answer.json["results"]?.arrayValue?.compactMap { $0["id"]?.stringValue } ?? []
            }
            #expect(try await ids(stage.administrator, "filter=d/type&type=x") == ["a", "c"])
            #expect(try await ids(stage.user, "filter=d/type&type=x") == ["a"])
            #expect(try await ids(stage.user, "filter=d/mine") == ["a"])
            #expect(try await ids(stage.user, "filter=d/all") == ["_design/d", "a", "b"])
            #expect(try await ids(stage.administrator, "filter=d/all&limit=2&descending=true") == ["c", "b"])
            #expect(try await ids(stage.administrator, "filter=d/type&type=x&limit=1") == ["a"])
            #expect(try await ids(stage.administrator, "filter=_view&view=d/numbers") == ["b"])
            for (query, status, error, reason) in [
                ("filter=d/none", 404, "not_found", "missing json key: none"),
                ("filter=e/f", 404, "not_found", "missing"),
                ("filter=_view&view=d/none", 404, "not_found", "missing json key: none"),
                ("filter=d/throws", 500, "TypeError", nil),
            ] as [(String, Int, String, String?)] {
                try await stage.expect(stage.administrator, "GET", "/_changes?\(query)", status, error, reason)
            }
        }

        @Test func `a live feed goes on being filtered`() async throws {
            let stage = try await stage(["filters": ["x": "function (doc, req) { return doc.type == 'x' }"]])
            let feed = Task {
                try await stage.administrator.get("\(stage.path)/_changes?feed=longpoll&filter=d/x&heartbeat=1000")
            }
            for type in ["y", "x"] { try await stage.put(type, ["type": .string(type)]) }
            let answer = try await feed.value
            #expect(answer.json["results"]?.arrayValue?.map { $0["id"] } == ["x"])
        }

        @Test func `an update function writes with the caller's rights`() async throws {
            let stage = try await stage([
                "updates": [
                    "bump": """
                    function (doc, req) {
                      if (!doc) doc = {_id: req.id || req.uuid};
                      doc.n = (doc.n || 0) + 1;
                      doc.by = req.userCtx.name;
                      return [doc, {json: {n: doc.n, body: req.body}, headers: {'X-N': String(doc.n)}}];
                    }
                    """,
                    "look": "function (doc, req) { return [null, {code: 202, body: doc ? doc._id : 'none'}] }",
                ],
                "validate_doc_update": "function (doc) { if (doc.n > 2) throw({forbidden: 'enough'}) }",
            ])
            let first = try await stage.user.send("PUT", "\(stage.path)/_design/d/_update/bump/a", ["x": 1])
            #expect(first.status == 201)
            #expect(first.json == ["n": 1, "body": #"{"x":1}"#])
            #expect(first.header("X-N") == "1" && first.header("X-Couch-Id") == "a")
            let stored = try await stage.user.get("\(stage.path)/a")
            #expect(first.header("X-Couch-Update-NewRev") == stored.json["_rev"]?.stringValue)
            #expect(stored.json["by"]?.stringValue == stage.cast.first)
            // A stranger does not see the document, and may not replace it.
            try await stage.expect(stage.other, "POST", "/_design/d/_update/bump/a", "", 403, "forbidden")
            #expect(try await stage.user.send("POST", "\(stage.path)/_design/d/_update/bump/a").json["n"] == 2)
            try await stage.expect(stage.user, "POST", "/_design/d/_update/bump/a", "", 403, "forbidden", "enough")
            #expect(try await stage.user.send("POST", "\(stage.path)/_design/d/_update/bump").status == 201)
            let look = try await stage.other.send("POST", "\(stage.path)/_design/d/_update/look/a")
            #expect(look.status == 202 && look.bytes == Array("none".utf8))
            for (client, method, resource, status, error) in [
                ("user", "GET", "_update/look", 405, "method_not_allowed"),
                ("anonymous", "POST", "_update/look", 401, "unauthorized"),
                ("user", "POST", "_update/none", 404, "not_found"), ("user", "GET", "_show/s/a", 410, "gone"),
                ("user", "GET", "_list/l/v", 410, "gone"), ("user", "GET", "_rewrite/x", 410, "gone"),
            ] {
                try await stage.expect(stage.client(client), method, "/_design/d/\(resource)", status, error)
            }
        }

        @Test func `a design document that cannot work is refused when it is written`() async throws {
            let stage = try await Stage.make("designs")
            for (body, error, reason) in [
                (#"{"views":{"v":{}}}"#, "invalid_design_doc", "View `v` must contain map function"),
                (#"{"views":{"v":{"map":1}}}"#, "invalid_design_doc", "`views.v.map` field must have string type"),
                (
                    #"{"views":{"v":{"map":"function () {}","reduce":"_max"}}}"#, "invalid_design_doc",
                    "`_max` is not a supported reduce function."
                ), (#"{"views":{"v":{"map":"function (doc) { emit("}}}"#, "compilation_error", nil),
                (#"{"filters":{"f":"x y"}}"#, "compilation_error", nil),
            ] as [(String, String, String?)] {
                try await stage.expect(stage.administrator, "PUT", "/_design/d", body, 400, error, reason)
            }
            let answer = try await stage.administrator.send(
                "POST",
                "\(stage.path)/_bulk_docs",
                ["docs": [["_id": "a"], ["_id": "_design/d", "filters": ["f": "x y"]]]]
            )
            #expect(answer.json.arrayValue?.map { $0["error"] } == [nil, "compilation_error"])
            // What replication brings is refused for what CouchDB would not have stored, and no more.
            try await stage.graft("_design/e", ["1-aa"], ["filters": ["f": "x y"]])
            try await stage.expect(stage.administrator, "GET", "/_changes?filter=e/f", 500, "compilation_error")
        }

        @Test func `a function without end is named, and others are served meanwhile`() async throws {
            let stage = try await stage([
                "validate_doc_update": "function (doc) { if (doc.bad) while (true) {} }",
                "filters": ["endless": "function (doc) { while (true) {} }"],
            ])
            let bad = Task {
                try await stage.failure(naming: "_design/d/validate_doc_update") {
                    try await stage.administrator.send("PUT", "\(stage.path)/bad", ["bad": true])
                }
            }
            let filtered = Task {
                try await stage.failure(naming: "_design/d/filters/endless") {
                    try await stage.administrator.get("\(stage.path)/_changes?filter=d/endless")
                }
            }
            // Nothing of this needs a host that is busy.
            let other = try await Stage.make("designs")
            for number in 0..<20 { try await other.put("d\(number)") }
            for answer in [try await bad.value, try await filtered.value] {
                #expect(answer.status == 500 && answer.error == "os_process_error", "\(answer.json)")
            }
            try await stage.put("good")
        }
    }
}
