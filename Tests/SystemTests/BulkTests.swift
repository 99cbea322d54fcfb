import JSON
import NIOHTTP1
import Testing

extension SystemTests {
    /// Many documents in one request: what CouchDB 3.5 answers.
    @Suite(.timeLimit(.minutes(30))) struct BulkTests {
        @Test func `each document is written or refused by itself`() async throws {
            let stage = try await Stage.make("bulk")
            let first = try await stage.put("taken")
            let answer = try await stage.administrator.send(
                "POST",
                "\(stage.path)/_bulk_docs",
                [
                    "docs": [
                        ["_id": "a", "n": 1], ["_id": "taken"], ["_id": "a", "n": 2], ["n": 3],
                        ["_id": "taken", "_rev": .string(first), "_deleted": true],
                    ]
                ]
            )
            #expect(answer.status == 201)
            let rows = answer.json.arrayValue ?? []
            #expect(rows.map { $0["error"] } == [nil, "conflict", "conflict", nil, nil])
            #expect(rows.map { $0["ok"] } == [true, nil, nil, true, true])
            #expect(rows[1]["reason"] == "Document update conflict.")
            #expect(rows[4]["rev"]?.stringValue?.hasPrefix("2-") == true)
            #expect(try await stage.administrator.get("\(stage.path)/a").json["n"] == 1)
        }

        @Test func `a request that cannot be understood writes nothing`() async throws {
            let stage = try await Stage.make("bulk")
            let elsewhere = "When `new_edits: false`, the document needs `_rev` or `_revisions` specified"
            for (body, status, error, reason) in [
                ("{}", 400, "bad_request", "POST body must include `docs` parameter."),
                (#"{"docs":{}}"#, 400, "bad_request", "`docs` parameter must be an array."),
                ("[]", 400, "bad_request", "Request body must be a JSON object"), ("x", 400, "bad_request", nil),
                (#"{"docs":[],"new_edits":1}"#, 400, "bad_request", "`new_edits` parameter must be a boolean."),
                (#"{"docs":[{"_id":"a"},1]}"#, 400, "bad_request", "Document must be a JSON object"),
                (#"{"docs":[{"_id":"a"},{"_id":"_b"}]}"#, 400, "illegal_docid", nil),
                (#"{"docs":[{"_id":"a"},{"_id":1}]}"#, 400, "illegal_docid", "Document id must be a string"),
                (#"{"docs":[{"_id":"a"},{"_rev":"x"}]}"#, 400, "bad_request", "Invalid rev format"),
                (#"{"docs":[{"_id":"a"},{"_x":1}]}"#, 400, "doc_validation", nil),
                (#"{"new_edits":false,"docs":[{"_id":"a"}]}"#, 400, "bad_request", elsewhere),
            ] as [(String, Int, String, String?)] {
                try await stage.expect(stage.administrator, "POST", "/_bulk_docs", body, status, error, reason)
            }
            let refused = try await stage.administrator.send(
                "POST",
                "\(stage.path)/_bulk_docs",
                ["all_or_nothing": true, "docs": [["_id": "a"], ["_id": "b", "_rev": "1-x"]]]
            )
            #expect(refused.status == 417)
            #expect(refused.json.arrayValue?.map { $0["error"] } == ["not_implemented", "not_implemented"])
            #expect(refused.json.arrayValue?.map { $0["rev"] } == ["0-", "1-x"])
            #expect(try await stage.administrator.get("\(stage.path)/a").status == 404)
            try await stage.expect(
                stage.administrator,
                "GET",
                "/_bulk_docs",
                405,
                "method_not_allowed",
                "Only POST allowed"
            )
            try await stage.expect(stage.anonymous, "POST", "/_bulk_docs", #"{"docs":[]}"#, 401, "unauthorized")
            let large = String(repeating: "x", count: 8_000_001)
            try await stage.expect(
                stage.administrator,
                "POST",
                "/_bulk_docs",
                #"{"docs":[{"_id":"large","x":"\#(large)"}]}"#,
                413,
                "document_too_large",
                "large"
            )
        }

        @Test func `documents that were made elsewhere answer with their failures alone`() async throws {
            let stage = try await Stage.make("bulk")
            try await stage.put("theirs", ["~owner": .string(stage.cast.stranger)])
            let answer = try await stage.user.send(
                "POST",
                "\(stage.path)/_bulk_docs",
                ["new_edits": false, "docs": [["_id": "a", "_rev": "1-a"], ["_id": "theirs", "_rev": "1-a"]]]
            )
            #expect(answer.status == 201)
            let row = try #require(answer.json.arrayValue?.first)
            #expect(answer.json.arrayValue?.count == 1)
            #expect(row["id"] == "theirs" && row["error"] == "forbidden" && row["rev"] == "1-a")
        }

        @Test func `what is beyond a limit keeps no device from pushing the rest`() async throws {
            let stage = try await Stage.make("bulk")
            let long = String(repeating: "i", count: 513)
            let missing = try await stage.user.send(
                "POST",
                "\(stage.path)/_revs_diff",
                .object([long: ["1-a"], "a": ["1-a"]])
            )
            #expect(missing.json == .object([long: ["missing": ["1-a"]], "a": ["missing": ["1-a"]]]))
            let large = JSONValue.string(String(repeating: "x", count: 8_000_001))
            let answer = try await stage.user.send(
                "POST",
                "\(stage.path)/_bulk_docs",
                [
                    "new_edits": false,
                    "docs": [
                        ["_id": .string(long), "_rev": "1-a"], ["_id": "large", "_rev": "1-a", "x": large],
                        ["_id": "far", "_rev": "9007199254740992-a"], ["_id": "a", "_rev": "1-a"],
                    ],
                ]
            )
            #expect(answer.status == 201)
            #expect(answer.json.arrayValue?.map { $0["id"] } == [.string(long), "large", "far"])
            #expect(answer.json.arrayValue?.allSatisfy { $0["error"] == "forbidden" } == true)
            try await stage.expect(stage.user, "GET", "/a", nil, 200)
        }

        @Test func `many revisions are read, each answered in its place`() async throws {
            let stage = try await Stage.make("bulk")
            try await stage.graft("d", ["2-bb", "1-aa"], ["n": 2])
            try await stage.graft("d", ["2-aa", "1-aa"], ["n": 1])
            let answer = try await stage.administrator.send(
                "POST",
                "\(stage.path)/_bulk_get?revs=true",
                [
                    "docs": [
                        ["id": "d"], ["id": "d", "rev": "2-aa"], ["id": "d", "rev": "1-aa"], ["id": "none"],
                        ["id": "none", "rev": "1-x"], ["id": "d", "rev": "x"], ["rev": "1-x"], 7, ["id": "_x"],
                        ["id": "d", "rev": "2-bb", "atts_since": ["1-aa"]],
                    ]
                ]
            )
            #expect(answer.status == 200)
            let results = answer.json["results"]?.arrayValue ?? []
            func shown(_ result: JSONValue) -> String {
                (result["docs"]?.arrayValue ?? []).map { doc in
                    guard let error = doc["error"] else { return doc["ok"]?["_rev"]?.stringValue ?? "\(doc)" }
                    return [error["id"], error["rev"], error["error"], error["reason"]].map { $0?.text ?? "-" }
                        .joined(separator: " ").replacing("\"", with: "")
                }
                .joined(separator: ",")
            }
            #expect(
                results.map(shown) == [
                    "2-bb,2-aa", "2-aa", "d 1-aa not_found missing", "none undefined not_found missing",
                    "none 1-x not_found missing", "d x bad_request Invalid rev format",
                    "null null bad_request document id missed",
                    "null null bad_request document must be a JSON object",
                    "_x null illegal_docid Only reserved document ids may start with underscore.", "2-bb",
                ]
            )
            #expect(results[1]["docs"]?.arrayValue?.first?["ok"]?["_revisions"] == ["start": 2, "ids": ["aa", "aa"]])
            for (query, body, reason) in [
                ("", "{}", "Missing JSON list of 'docs'."), ("", #"{"docs":1}"#, nil),
                ("?rev=1-a", #"{"docs":[]}"#, "\"rev\" query parameter is not acceptable"),
            ] as [(String, String, String?)] {
                try await stage.expect(
                    stage.administrator,
                    "POST",
                    "/_bulk_get\(query)",
                    body,
                    400,
                    "bad_request",
                    reason
                )
            }
        }

        @Test func `which revisions are missing`() async throws {
            let stage = try await Stage.make("bulk")
            try await stage.graft("d", ["2-bb", "1-aa"])
            let body: JSONValue = ["d": ["2-bb", "3-cc", "1-xx"], "none": ["1-a"], "e": []]
            #expect(
                try await stage.administrator.send("POST", "\(stage.path)/_revs_diff", body).json == [
                    "d": ["missing": ["3-cc", "1-xx"], "possible_ancestors": ["2-bb"]], "none": ["missing": ["1-a"]],
                ]
            )
            #expect(
                try await stage.administrator.send("POST", "\(stage.path)/_missing_revs", body).json == [
                    "missing_revs": ["d": ["3-cc", "1-xx"], "none": ["1-a"]]
                ]
            )
            for resource in ["/_revs_diff", "/_missing_revs"] {
                try await stage.expect(stage.administrator, "POST", resource, #"{"d":["x"]}"#, 400, "bad_request")
                try await stage.expect(stage.administrator, "POST", resource, #"{"d":1}"#, 400, "bad_request")
                try await stage.expect(stage.administrator, "GET", resource, 405, "method_not_allowed")
                let plain = try await stage.administrator.send(
                    "POST",
                    stage.path + resource,
                    text: "{}",
                    contentType: "text/plain"
                )
                #expect(plain.status == 415)
            }
        }
    }
}
