import Foundation
import JSON
import Testing

extension SystemTests {
    /// Views over HTTP: what CouchDB 3.5 answers, and to a user of the user's documents only.
    @Suite struct ViewTests {
        /// The keys of the documentation's example of the order of keys. Members of objects have no order in the store, so
        /// `{"b":2,"a":1}` is `{"a":1,"b":2}`.
        private static let keys = [
            "null", "false", "true", "1", "2", "3.5", "4", #""a""#, #""A""#, #""aa""#, #""b""#, #""B""#, #""ba""#,
            #""bb""#, #"["a"]"#, #"["b"]"#, #"["b","c"]"#, #"["b","c","a"]"#, #"["b","d"]"#, #"["b","d","e"]"#,
            #"{"a":1}"#, #"{"b":2,"a":1}"#, #"{"a":2}"#, #"{"b":1}"#, #"{"b":2}"#, #"{"b":2,"c":2}"#,
        ]

        private func stage() async throws -> Stage {
            let stage = try await Stage.make("views")
            for (place, key) in Self.keys.enumerated() {
                try await stage.put("d\(100 - place)", ["k": try JSONValue(parsing: key), "n": .number(JSONNumber(place))])
            }
            try await stage.put(
                "_design%2Fx",
                [
                    "views": [
                        "map": ["map": "function (doc) { emit(doc.k, doc.n) }"],
                        "sum": ["map": "function (doc) { emit(doc.k, doc.n) }", "reduce": "_sum"],
                    ]
                ]
            )
            return stage
        }

        /// The values of the rows, the total and the offset, in one line.
        private static func line(_ answer: JSONValue) -> String {
            let rows = (answer["rows"]?.arrayValue ?? []).map { $0["value"]?.text ?? "?" }
            return "\(rows.joined(separator: " ")) | \(answer["total_rows"]?.text ?? "-") \(answer["offset"]?.text ?? "-")"
        }

        private static func escaped(_ query: String) -> String {
            query.addingPercentEncoding(withAllowedCharacters: .urlQueryAllowed.subtracting(["+"])) ?? query
        }

        private func line(_ client: Client, _ stage: Stage, _ query: String) async throws -> String {
            let answer = try await client.get("\(stage.path)/_design/x/_view/\(Self.escaped(query))")
            #expect(answer.status == 200, "\(query): \(answer.json)")
            return Self.line(answer.json)
        }

        @Test func `rows are in the documented order, and ranges are CouchDB's`() async throws {
            let stage = try await stage()
            let all = (0..<26).map(String.init).joined(separator: " ")
            for (query, expected) in [
                ("map", "\(all) | 26 0"), ("map?limit=3", "0 1 2 | 26 0"), ("map?limit=2&skip=3", "3 4 | 26 3"),
                ("map?descending=true&limit=2", "25 24 | 26 0"), ("map?limit=0", " | 26 0"), ("map?skip=99", " | 26 26"),
                (#"map?key="b""#, "10 | 26 10"), ("map?key=17", " | 26 26"),
                ("map?startkey=true&endkey=2", "2 3 4 | 26 2"),
                ("map?start_key=true&end_key=2&inclusive_end=false", "2 3 | 26 2"),
                (#"map?startkey=["b"]&endkey=["b",{}]"#, "15 16 17 18 19 | 26 15"),
                (#"map?startkey=["b",{}]&endkey=["b"]&descending=true"#, "19 18 17 16 15 | 26 6"),
                (#"map?startkey="a"&endkey="b""#, "7 8 9 10 | 26 7"),
                (#"map?startkey="b"&endkey="b\ufff0""#, "10 11 12 13 | 26 10"),
                ("map?startkey={}", "20 21 22 23 24 25 | 26 20"), ("map?keys=[2,null,99,2]", "4 0 4 | 26 4"),
                ("map?keys=[2]", "4 | 26 4"), ("map?keys=[]", " | 26 26"),
                ("map?keys=[1,2]&descending=true", "4 3 | 26 21"), ("map?keys=[1,2]&skip=1", "4 | 26 4"),
                ("map?stale=ok&limit=1", "0 | 26 0"), ("map?update=false&limit=1", "0 | 26 0"),
                ("map?update=lazy&stable=true&sorted=false&limit=1", "0 | 26 0"),
                (#"map?startkey="b"&startkey_docid=d90&endkey="b""#, "10 | 26 10"),
                (#"map?startkey="b"&startkey_docid=d91&endkey="b""#, " | 26 26"),
                (#"map?startkey="b"&endkey="b"&endkey_docid=d89"#, " | 26 26"),
                ("sum", "325 | - -"), ("sum?reduce=false&limit=1", "0 | 26 0"),
                (#"sum?startkey=["b"]&endkey=["b",{}]&group_level=1"#, "85 | - -"),
                (#"sum?startkey=["b"]&endkey=["b",{}]&group_level=2"#, "15 33 37 | - -"),
                ("sum?group=true&limit=2&skip=1", "1 2 | - -"), ("sum?group=true&descending=true&limit=1", "25 | - -"),
                ("sum?group=true&keys=[2,1,99]", "4 3 | - -"), ("sum?key=99", " | - -"),
                ("sum?group_level=0", "325 | - -"),
            ] {
                #expect(try await line(stage.administrator, stage, query) == expected, "\(query)")
            }
            let row = try await stage.administrator.get("\(stage.path)/_design/x/_view/sum?group_level=1&skip=25").json
            #expect(row["rows"] == [])
            let grouped = try await stage.administrator.get(
                "\(stage.path)/_design/x/_view/\(Self.escaped(#"sum?group_level=1&startkey=["b"]&endkey=["b",{}]"#))"
            )
            #expect(grouped.json == ["rows": [["key": ["b"], "value": 85]]])
        }

        @Test func `bodies of requests, and several queries in one`() async throws {
            let stage = try await stage()
            let path = "\(stage.path)/_design/x/_view"
            let posted = try await stage.administrator.send("POST", "\(path)/map?limit=1", ["keys": [2, 1]])
            #expect(Self.line(posted.json) == "4 | 26 4")
            let single = try await stage.administrator.send("POST", "\(path)/map", ["startkey": 1, "endkey": 2])
            #expect(Self.line(single.json) == "3 4 | 26 3")
            let several = try await stage.administrator.send(
                "POST",
                "\(path)/sum/queries",
                ["queries": [["reduce": false, "limit": 1], ["key": 2], ["group": true, "keys": [1, 2]]]]
            )
            #expect(several.json["results"]?.arrayValue?.map(Self.line) == ["0 | 26 0", "4 | - -", "3 4 | - -"])
        }

        @Test func `what does not fit is refused as CouchDB refuses it`() async throws {
            let stage = try await stage()
            for (query, status, error, reason) in [
                ("none", 404, "not_found", "missing_named_view"),
                ("map?reduce=true", 400, "query_parse_error", "Reduce is invalid for map-only views."),
                ("map?group=true", 400, "query_parse_error", "Invalid use of grouping on a map view."),
                ("map?group_level=1", 400, "query_parse_error", "Invalid use of grouping on a map view."),
                (
                    "sum?group=false&group_level=1", 400, "query_parse_error",
                    "Can't specify group=false and group_level>0 at the same time"
                ),
                (
                    "sum?keys=[1,2]", 400, "query_parse_error",
                    "Multi-key fetches for reduce views must use `group=true`"
                ),
                ("sum?include_docs=true", 400, "query_parse_error", "`include_docs` is invalid for reduce"),
                ("sum?conflicts=true", 400, "query_parse_error", "`conflicts` is invalid for reduce views."),
                (
                    "map?keys=[1,2]&key=1", 400, "query_parse_error",
                    "`keys` is incompatible with `key`, `start_key` and `end_key`"
                ),
                (
                    "map?startkey=2&endkey=1", 400, "query_parse_error",
                    "No rows can match your key range, reverse your start_key and end_key or set descending=true"
                ),
                ("map?limit=-1", 400, "query_parse_error", nil), ("map?key=x", 400, "bad_request", nil),
            ] as [(String, Int, String, String?)] {
                try await stage.expect(
                    stage.administrator,
                    "GET",
                    "/_design/x/_view/\(Self.escaped(query))",
                    status,
                    error,
                    reason
                )
            }
            try await stage.expect(stage.administrator, "GET", "/_design/y/_view/map", 404, "not_found", "missing")
            try await stage.expect(stage.administrator, "PUT", "/_design/x/_view/map", "{}", 405, "method_not_allowed")
        }

        @Test func `a user sees rows, figures and reductions of the user's documents`() async throws {
            let stage = try await Stage.make("views")
            try await stage.put(
                "_design%2Fx",
                [
                    "views": [
                        "v": ["map": "function (doc) { emit(doc.n, doc.n) }", "reduce": "_sum"],
                        "m": ["map": "function (doc) { emit(doc.n, doc.n) }"],
                    ]
                ]
            )
            let (first, stranger) = (JSONValue.string(stage.cast.first), JSONValue.string(stage.cast.stranger))
            try await stage.put("a", ["n": 1])
            try await stage.put("b", ["n": 2, "~owner": stranger])
            let own = try await stage.put("c", ["n": 4, "~owner": first])
            try await stage.put("d", ["n": 8, "~groups": [.string(stage.cast.team)]])
            for (client, map, sum) in [
                (stage.administrator, "1 2 4 8 | 4 0", "15 | - -"), (stage.user, "1 4 8 | 3 0", "13 | - -"),
                (stage.other, "1 2 | 2 0", "3 | - -"),
            ] {
                #expect(try await line(client, stage, "m") == map)
                #expect(try await line(client, stage, "v") == sum)
            }
            #expect(try await line(stage.user, stage, "m?startkey=4") == "4 8 | 3 1")
            #expect(try await line(stage.user, stage, "m?key=2") == " | 3 3")
            let seq = try await stage.user.get("\(stage.path)/_design/x/_view/m?update_seq=true").json["update_seq"]
            try await stage.put("e", ["n": 16, "~owner": stranger])
            #expect(
                try await stage.user.get("\(stage.path)/_design/x/_view/m?update_seq=true").json["update_seq"] == seq
            )
            // At once, also where the index is not asked to follow.
            try await stage.put("c", ["n": 4, "~owner": stranger], after: own)
            #expect(try await line(stage.user, stage, "m?update=false") == "1 8 | 2 0")
            try await stage.expect(stage.user, "GET", "/_design/x/_info", 403, "forbidden")
            try await stage.expect(stage.anonymous, "GET", "/_design/x/_view/m", 401, "unauthorized")
        }

        @Test func `rows bring their documents, and those that they link to`() async throws {
            let stage = try await Stage.make("views")
            try await stage.put(
                "_design%2Fx",
                ["views": ["v": ["map": "function (doc) { if (doc.to) emit(doc._id, doc.to[0] ? {_id: doc.to[0], _rev: doc.to[1]} : 1) }"]]]
            )
            let old = try await stage.put("target", ["n": 1])
            try await stage.put("target", ["n": 2], after: old)
            try await stage.put("hidden", ["~owner": .string(stage.cast.stranger)])
            try await stage.put("a", ["to": ["target"]])
            try await stage.put("b", ["to": ["none"]])
            try await stage.put("c", ["to": ["hidden"]])
            try await stage.put("d", ["to": []])
            for (client, hidden) in [(stage.administrator, "hidden"), (stage.user, nil)] {
                let answer = try await client.get("\(stage.path)/_design/x/_view/v?include_docs=true").json
                let documents = (answer["rows"]?.arrayValue ?? []).map { $0["doc"]?["_id"]?.stringValue }
                #expect(documents == ["target", nil, hidden, "d"])
                #expect(answer["rows"]?.arrayValue?.first?["doc"]?["n"] == 2)
            }
            try await stage.graft("d", ["2-bb", "1-aa"], ["to": []])
            let conflicts = try await stage.administrator.get(
                "\(stage.path)/_design/x/_view/v?include_docs=true&conflicts=true&key=%22d%22"
            ).json
            #expect(conflicts["rows"]?.arrayValue?.first?["doc"]?["_conflicts"]?.arrayValue?.count == 1)
        }

        /// The listener view of `Account` objects and the view by lower-case name of the documentation, completed to
        /// valid JavaScript.
        @Test func `the documentation's two views`() async throws {
            let stage = try await Stage.make("views")
            func account(_ name: String, type: String = "Account") -> JSONObject {
                ["object": ["attributes": ["type": ["text": .string(type)]], "Name": ["text": .string(name)]]]
            }
            try await stage.put(
                "_design%2Faccounts",
                [
                    "views": [
                        "listener": [
                            "map": """
                                function (doc) {
                                    if (doc.object.attributes.type.text == "Account")
                                        emit(doc._id, doc);
                                }
                                """
                        ],
                        "byName": [
                            "map": """
                                function (doc) {
                                    try {
                                        if (doc.object.attributes.type.text == "Account") // only for Account objects
                                            emit(doc.object.Name.text.toLowerCase(), { // the Name as key
                                                "_conflicts": doc._conflicts, // the optional conflicts
                                                "name": doc.object.Name.text, // the name,
                                                "id": doc._id // and the document id.
                                            });
                                    } catch (e) {
                                        // console.log("error in map : " + e);
                                    }
                                }
                                """
                        ],
                    ]
                ]
            )
            try await stage.put("1", account("Zeta"))
            try await stage.put("2", account("alpha"))
            try await stage.put("3", account("Beta", type: "Contact"))
            try await stage.put("4", ["other": true])
            try await stage.graft("1", ["1-0"], account("Older"))
            let path = "\(stage.path)/_design/accounts"
            let listener = try await stage.administrator.get("\(path)/_view/listener").json["rows"]?.arrayValue ?? []
            #expect(listener.map { $0["id"] } == ["1", "2"])
            #expect(listener.last?["value"]?["object"]?["Name"]?["text"] == "alpha")
            let names = try await stage.administrator.get("\(path)/_view/byName").json["rows"]?.arrayValue ?? []
            #expect(names.map { $0["key"] } == ["alpha", "zeta"])
            #expect(names.first?["value"] == ["name": "alpha", "id": "2"])
            #expect(names.last?["value"]?["_conflicts"] == ["1-0"])
            // The document without `object` makes the listener's view throw: it is told, and nobody is hurt.
            let info = try await stage.administrator.get("\(path)/_info").json["view_index"]
            #expect(info?["skipped_documents"] == 1 && info?["rows"] == 4, "\(info?.text ?? "")")
            #expect(info?["failures"]?.arrayValue?.first?["id"] == "4")
        }

        @Test func `what no design document needs is cleaned up`() async throws {
            let stage = try await stage()
            let answer = try await stage.administrator.get("\(stage.path)/_design/x/_info").json
            let before = try #require(answer["view_index"]?["signature"]?.stringValue)
            try await stage.expect(stage.administrator, "POST", "/_view_cleanup", "{}", 202)
            #expect(try await line(stage.administrator, stage, "sum") == "325 | - -")
            let after = try await stage.administrator.get("\(stage.path)/_design/x/_info").json
            #expect(after["view_index"]?["signature"]?.stringValue == before)
            #expect(after["view_index"]?["rows"] == 52)
        }
    }
}
