import JSON
import NIOHTTP1
import Testing

extension SystemTests {
    /// `_all_docs` and its like: what CouchDB 3.5 answers.
    @Suite(.timeLimit(.minutes(30))) struct ListTests {
        private func stage() async throws -> Stage {
            let stage = try await Stage.make("lists")
            for id in ["a", "b", "c", "d"] { try await stage.put(id, ["n": .string(id)]) }
            try await stage.put("_design%2Fx")
            let gone = try await stage.put("gone")
            try await stage.expect(stage.administrator, "DELETE", "/gone?rev=\(gone)", 200)
            try await stage.put("theirs", ["~owner": .string(stage.cast.stranger)])
            return stage
        }

        /// The ids, the total and the offset of a list, in one line.
        private func list(_ client: Client, _ stage: Stage, _ query: String) async throws -> String {
            let answer = try await client.get("\(stage.path)/\(query)")
            #expect(answer.status == 200, "\(query): \(answer.json)")
            return Self.line(answer.json)
        }

        private static func line(_ list: JSONValue) -> String {
            let rows = (list["rows"]?.arrayValue ?? []).map { row in
                row["error"].map { "no \(row["key"]?.text ?? "") \($0.stringValue ?? "")" } ?? row["id"]?.stringValue
                    ?? "?"
            }
            return "\(rows.joined(separator: " ")) | \(list["total_rows"]?.text ?? "-") \(list["offset"]?.text ?? "-")"
        }

        @Test func `ranges are CouchDB's`() async throws {
            let stage = try await stage()
            for (query, expected) in [
                ("_all_docs", "_design/x a b c d theirs | 6 0"), ("_all_docs?limit=2", "_design/x a | 6 0"),
                ("_all_docs?skip=4", "d theirs | 6 4"), ("_all_docs?skip=9", " | 6 6"), ("_all_docs?limit=0", " | 6 0"),
                ("_all_docs?startkey=%22b%22&endkey=%22c%22", "b c | 6 2"),
                ("_all_docs?start_key=%22b%22&end_key=%22c%22&inclusive_end=false", "b | 6 2"),
                ("_all_docs?startkey=%22b%22&limit=1&skip=1", "c | 6 3"),
                ("_all_docs?descending=true&startkey=%22c%22&endkey=%22a%22", "c b a | 6 2"),
                ("_all_docs?descending=true&limit=1", "theirs | 6 0"), ("_all_docs?key=%22b%22", "b | 6 2"),
                ("_all_docs?key=%22gone%22", " | 6 5"), ("_all_docs?startkey=null&endkey=%22a%22", "_design/x a | 6 0"),
                ("_all_docs?endkey=%7B%7D", " | 6 0"), ("_all_docs?startkey=%22b%5Cu0000%22", "c d theirs | 6 3"),
                (
                    "_all_docs?keys=%5B%22c%22,%22none%22,%22gone%22,%22a%22,1%5D",
                    "c no \"none\" not_found gone a no 1 not_found | 6 null"
                ),
                ("_all_docs?keys=%5B%22c%22,%22a%22%5D&descending=true&limit=1", "a | 6 null"),
                ("_all_docs?keys=%5B%5D", " | 6 null"), ("_design_docs", "_design/x | 1 0"),
            ] {
                #expect(try await list(stage.administrator, stage, query) == expected, "\(query)")
            }
        }

        @Test func `a user's list and its figures are the user's own`() async throws {
            let stage = try await stage()
            #expect(try await list(stage.user, stage, "_all_docs") == "_design/x a b c d | 5 0")
            #expect(try await list(stage.user, stage, "_all_docs?startkey=%22c%22&limit=1") == "c | 5 3")
            #expect(try await list(stage.other, stage, "_all_docs?skip=4") == "d theirs | 6 4")
            #expect(
                try await list(stage.user, stage, "_all_docs?keys=%5B%22theirs%22%5D")
                    == "no \"theirs\" not_found | 5 null"
            )
            let own = try await stage.user.get("\(stage.path)/_all_docs?update_seq=true&limit=1").json["update_seq"]
            try await stage.put("more", ["~owner": .string(stage.cast.stranger)])
            #expect(
                try await stage.user.get("\(stage.path)/_all_docs?update_seq=true&limit=1").json["update_seq"] == own
            )
            try await stage.expect(stage.anonymous, "GET", "/_all_docs", 401, "unauthorized")
        }

        @Test func `rows bring their documents`() async throws {
            let stage = try await Stage.make("lists")
            try await stage.graft("d", ["2-bb", "1-aa"], ["n": 2])
            try await stage.graft("d", ["2-aa", "1-aa"], ["n": 1])
            let gone = try await stage.put("gone")
            try await stage.expect(stage.administrator, "DELETE", "/gone?rev=\(gone)", 200)
            let rows =
                try await stage.administrator.send(
                    "POST",
                    "\(stage.path)/_all_docs?include_docs=true",
                    ["keys": ["d", "gone", "none"], "conflicts": true]
                ).json["rows"]?.arrayValue ?? []
            #expect(rows[0]["doc"] == ["_id": "d", "_rev": "2-bb", "_conflicts": ["2-aa"], "n": 2])
            #expect(rows[0]["value"] == ["rev": "2-bb"])
            #expect(rows[1]["doc"] == .null && rows[1]["value"]?["deleted"] == true)
            #expect(rows[2] == ["key": "none", "error": "not_found"])
            let all = try await stage.administrator.get("\(stage.path)/_all_docs?include_docs=true").json
            #expect(all["rows"]?.arrayValue?.map { $0["doc"]?["n"] } == [2])
        }

        @Test func `several lists in one request`() async throws {
            let stage = try await stage()
            let answer = try await stage.administrator.send(
                "POST",
                "\(stage.path)/_all_docs/queries",
                ["queries": [["keys": ["a", "x"]], ["startkey": "c", "limit": 1], ["limit": 0]]]
            )
            #expect(
                answer.json["results"]?.arrayValue?.map(Self.line) == [
                    "a no \"x\" not_found | 6 null", "c | 6 3", " | 6 0",
                ]
            )
            let designs = try await stage.administrator.send(
                "POST",
                "\(stage.path)/_design_docs/queries",
                ["queries": [[:]]]
            )
            #expect(designs.json["results"]?.arrayValue?.map(Self.line) == ["_design/x | 1 0"])
            for (body, reason) in [
                ("{}", "POST body must include `queries` parameter."), (#"{"queries":1}"#, nil),
                (#"{"queries":[1]}"#, nil),
            ] as [(String, String?)] {
                try await stage.expect(
                    stage.administrator,
                    "POST",
                    "/_all_docs/queries",
                    body,
                    400,
                    "bad_request",
                    reason
                )
            }
            try await stage.expect(stage.administrator, "GET", "/_all_docs/queries", 405, "method_not_allowed")
        }

        @Test func `parameters are read as strictly as CouchDB reads them`() async throws {
            let stage = try await Stage.make("lists")
            for (query, error, reason) in [
                ("descending=yes", "query_parse_error", "Invalid boolean parameter: \"yes\""),
                ("include_docs=1", "query_parse_error", "Invalid boolean parameter: \"1\""),
                ("limit=x", "query_parse_error", "Invalid value for integer: \"x\""),
                ("limit=-1", "query_parse_error", "Invalid value for positive integer: \"-1\""),
                ("skip=-1", "query_parse_error", "Invalid value for positive integer: \"-1\""),
                ("startkey=x", "bad_request", nil), ("keys=1", "bad_request", "`keys` parameter must be an array."),
                (
                    "keys=%5B%22a%22%5D&startkey=%22a%22", "query_parse_error",
                    "`keys` is incompatible with `key`, `start_key` and `end_key`"
                ),
                ("reduce=true", "query_parse_error", "Reduce is invalid for map-only views."),
                ("group=true", "query_parse_error", "Invalid use of grouping on a map view."),
                ("stale=x", "query_parse_error", "Invalid value for `stale`."),
                ("update=x", "query_parse_error", "Invalid value for `update`."),
                ("partition=x", "query_parse_error", nil),
            ] as [(String, String, String?)] {
                try await stage.expect(stage.administrator, "GET", "/_all_docs?\(query)", 400, error, reason)
            }
            for query in [
                "descending=TRUE", "unknown=1", "stale=ok", "update=lazy", "sorted=false", "keys=%5B%22a%22%5D",
            ] {
                try await stage.expect(stage.administrator, "GET", "/_all_docs?\(query)", 200)
            }
            try await stage.expect(
                stage.administrator,
                "POST",
                "/_all_docs",
                #"{"keys":1}"#,
                400,
                "bad_request",
                "`keys` body member must be an array."
            )
            try await stage.expect(
                stage.administrator,
                "PUT",
                "/_all_docs",
                "{}",
                405,
                "method_not_allowed",
                "Only GET,HEAD,POST allowed"
            )
        }

        /// More rows than any page holds, and more than the old silent limit of a page.
        @Test func `a long list is whole, in order`() async throws {
            let stage = try await Stage.make("lists")
            let count = 12_000
            for start in stride(from: 0, to: count, by: 4_000) {
                let docs = (start..<start + 4_000).map { number -> JSONValue in
                    ["_id": .string("d\(100_000 + number)"), "~owner": .string(stage.cast.first)]
                }
                let answer = try await stage.administrator.send(
                    "POST",
                    "\(stage.path)/_bulk_docs",
                    ["docs": .array(docs)]
                )
                try #require(answer.status == 201)
            }
            for (client, query) in [(stage.administrator, ""), (stage.user, ""), (stage.user, "?include_docs=true")] {
                let json = try await client.get("\(stage.path)/_all_docs\(query)").json
                let ids = (json["rows"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
                #expect(ids == (0..<count).map { "d\(100_000 + $0)" })
                #expect(json["total_rows"] == .number(JSONNumber(count)))
            }
            #expect(try await stage.other.get("\(stage.path)/_all_docs").json["total_rows"] == 0)
        }

        @Test func `documents that do not fit into memory together are read one after the other`() async throws {
            let stage = try await Stage.make("memory")
            let ids = ["a", "b", "c", "d", "e", "f"]
            let large = JSONValue.string(String(repeating: "x", count: 3_000_000))
            for id in ids { try await stage.put(id, ["x": id < "f" ? large : "small", "n": 1]) }
            let view: JSONValue = ["v": ["map": "function (doc) { emit(doc.n, null) }"]]
            try await stage.put("_design%2Fd", ["views": view])
            /// The ids of whole documents, however each row shows its own.
            func found(_ rows: JSONValue?, _ document: (JSONValue) -> JSONValue?) -> [String] {
                (rows?.arrayValue ?? []).compactMap(document).filter { $0["x"] != nil }
                    .compactMap { $0["_id"]?.stringValue }
            }
            let keys = JSONValue.array(ids.map(JSONValue.string))
            for (path, body) in [
                ("_all_docs?include_docs=true", [:]), ("_all_docs?include_docs=true", ["keys": keys]),
                ("_design/d/_view/v?include_docs=true", [:]),
            ] as [(String, JSONValue)] {
                let answer = try await stage.user.send("POST", "\(stage.path)/\(path)", body)
                #expect(found(answer.json["rows"]) { $0["doc"] } == ids, "\(path)")
            }
            for (path, expected) in [
                ("_changes?include_docs=true", ids), ("_changes?include_docs=true&descending=true", ids.reversed()),
                ("_changes?include_docs=true&filter=_view&view=d/v", ids),
            ] {
                let answer = try await stage.administrator.get("\(stage.path)/\(path)")
                #expect(found(answer.json["results"]) { $0["doc"] } == expected, "\(path)")
            }
            let wanted = JSONValue.array(ids.map { ["id": .string($0)] })
            let bulk = try await stage.user.send("POST", "\(stage.path)/_bulk_get", ["docs": wanted])
            #expect(found(bulk.json["results"]) { $0["docs"]?.arrayValue?.first?["ok"] } == ids)
            for selector in [["n": 1], ["_id": ["$gt": "0"]]] as [JSONValue] {
                let answer = try await stage.user.send("POST", "\(stage.path)/_find", ["selector": selector])
                #expect(found(answer.json["docs"]) { $0 } == ids)
            }
        }
    }
}
