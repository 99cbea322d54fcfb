import Foundation
import JSON
import TestSupport
import Testing
import ViewCases

extension SystemTests {
    /// Views over HTTP: what CouchDB 3.5 answers, and to a user of the user's documents only.
    @Suite(.timeLimit(.minutes(30))) struct ViewTests {
        private func stage() async throws -> Stage {
            let stage = try await Stage.make("views")
            for (id, body) in try ViewCases.documents() { try await stage.put(id, body) }
            try await stage.put("_design%2Fx", ViewCases.design)
            return stage
        }

        private static func escaped(_ query: String) -> String {
            query.addingPercentEncoding(withAllowedCharacters: .urlQueryAllowed.subtracting(["+"])) ?? query
        }

        private func line(_ client: Client, _ stage: Stage, _ query: String) async throws -> String {
            let answer = try await client.get("\(stage.path)/_design/x/_view/\(Self.escaped(query))")
            #expect(answer.status == 200, "\(query): \(answer.json)")
            return ViewCases.line(answer.json)
        }

        @Test func `rows are in the documented order, and ranges are CouchDB's`() async throws {
            let stage = try await stage()
            for (query, expected) in ViewCases.queries {
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
            #expect(ViewCases.line(posted.json) == "4 | 26 4")
            let single = try await stage.administrator.send("POST", "\(path)/map", ["startkey": 1, "endkey": 2])
            #expect(ViewCases.line(single.json) == "3 4 | 26 3")
            let several = try await stage.administrator.send(
                "POST",
                "\(path)/sum/queries",
                ["queries": [["reduce": false, "limit": 1], ["key": 2], ["group": true, "keys": [1, 2]]]]
            )
            #expect(several.json["results"]?.arrayValue?.map(ViewCases.line) == ["0 | 26 0", "4 | - -", "3 4 | - -"])
        }

        @Test func `what does not fit is refused as CouchDB refuses it`() async throws {
            let stage = try await stage()
            for (query, status, error, reason) in ViewCases.refusals {
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
                [
                    "views": [
                        "v": [
                            "map":
                                "function (doc) { if (doc.to) emit(doc._id, doc.to[0] ? {_id: doc.to[0], _rev: doc.to[1]} : 1) }"
                        ]
                    ]
                ]
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

        @Test func `the change listener keeps views fresh`() async throws {
            let stage = try await stage()
            try await eventually("the first rows are there without a query that waits") {
                try await line(stage.administrator, stage, "sum?update=false") == "325 | - -"
            }
            try await stage.put("more", ["k": 5, "n": 100])
            try await eventually("so are later ones") {
                try await line(stage.administrator, stage, "sum?update=false") == "425 | - -"
            }
        }

        @Test func `a function without an end is an error that names it, and others go on`() async throws {
            let stage = try await stage()
            try await stage.put(
                "_design%2Fbad",
                ["views": ["v": ["map": "function (doc) { while (true) {} }"]]]
            )
            async let bad = stage.failure(naming: "_design/bad/_view/v map") {
                try await stage.administrator.get("\(stage.path)/_design/bad/_view/v")
            }
            #expect(try await line(stage.administrator, stage, "sum") == "325 | - -")
            let answer = try await bad
            #expect(answer.status == 500 && answer.error == "timeout", "\(answer.json)")
        }

        @Test func `what no design document needs is cleaned up`() async throws {
            let stage = try await stage()
            let answer = try await stage.administrator.get("\(stage.path)/_design/x/_info").json
            let before = try #require(answer["view_index"]?["signature"]?.stringValue)
            try await stage.expect(stage.administrator, "POST", "/_view_cleanup", "{}", 202)
            #expect(try await line(stage.administrator, stage, "sum") == "325 | - -")
            let after = try await stage.administrator.get("\(stage.path)/_design/x/_info").json
            #expect(after["view_index"]?["signature"]?.stringValue == before)
            #expect(after["view_index"]?["rows"] == 78)
        }
    }
}
