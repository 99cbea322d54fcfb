import JSON
import Testing

extension ChangesCheck {
    static let filters = [
        ChangesCheck(name: "a filter by ids, in the address or in the body") { database in
            try await database.fill()
            let asked = "%5B%22b%22,%22gone%22,%22none%22%5D"
            let inAddress = try await database.get("/_changes?filter=_doc_ids&doc_ids=\(asked)")
            #expect(inAddress.ids == ["b", "gone"])
            let body: JSONValue = ["doc_ids": ["gone", "b", "none"]]
            let inBody = try await database.post("/_changes?filter=_doc_ids", body)
            #expect(inBody.ids == ["b", "gone"])
            // The place is the database's end, so that nothing is looked through again.
            let end = try await database.get("/_changes?since=now").lastSequence
            #expect(try inBody.lastSequence == end)
            #expect(try await database.post("/_changes?filter=_doc_ids&since=\(end)", body).ids.isEmpty)
            #expect(try await database.post("/_changes?filter=_doc_ids&descending=true", body).ids == ["gone", "b"])
            #expect(try await database.post("/_changes?filter=_doc_ids&limit=1", body).ids == ["b"])
            // Without its name, what the body says is no filter.
            #expect(try await database.post("/_changes", body).ids.count == 4)
        },
        ChangesCheck(name: "a filter by ids of more documents than are looked up one by one") { database in
            try await database.fill()
            let ids = (0..<1_200).map { JSONValue.string("x\($0)") } + ["a", "c"]
            let answer = try await database.post("/_changes?filter=_doc_ids", ["doc_ids": .array(ids)])
            #expect(answer.ids == ["a", "c"])
        },
        ChangesCheck(name: "a filter for design documents") { database in
            try await database.fill()
            try await database.put("_design/d", ["views": [:]])
            try await database.put("z")
            #expect(try await database.get("/_changes?filter=_design").ids == ["_design/d"])
        },
        ChangesCheck(name: "a selector lets through what it matches, and the place goes on past all else") { database in
            try await database.fill()
            let body: JSONValue = ["selector": ["n": ["$gt": 2]]]
            let answer = try await database.post("/_changes?filter=_selector", body)
            #expect(answer.ids == ["c", "b"])
            #expect(try await database.get("/_changes?since=\(answer.lastSequence)").ids.isEmpty)
            #expect(try await database.post("/_changes?filter=_selector&limit=1", body).ids == ["c"])
            #expect(
                try await database.post("/_changes?filter=_selector", ["selector": ["_deleted": true]]).ids == ["gone"]
            )
            #expect(try await database.post("/_changes?filter=_selector", ["selector": [:]]).ids.count == 4)
            let path = "/_changes?filter=_selector&include_docs=true"
            let fields = try await database.post(path, ["selector": ["n": 1], "fields": ["n"]])
            #expect(fields.json["results"]?.arrayValue?.first?["doc"] == ["n": 1])
        },
        ChangesCheck(name: "a selector looks at each leaf when all are asked for") { database in
            try await database.graft(
                ["_id": "a", "_rev": "1-bb", "_revisions": ["start": 1, "ids": ["bb"]], "n": 1],
                ["_id": "a", "_rev": "1-cc", "_revisions": ["start": 1, "ids": ["cc"]], "n": 2]
            )
            let body: JSONValue = ["selector": ["n": 1]]
            let all = try await database.post("/_changes?filter=_selector&style=all_docs", body)
            #expect(all.json["results"]?.arrayValue?.first?["changes"] == [["rev": "1-bb"]])
            #expect(try await database.post("/_changes?filter=_selector", body).ids.isEmpty)
        },
    ]

    static let mistakes = [
        ChangesCheck(name: "what makes no sense is refused in CouchDB's words") { database in
            let cases = [
                ("feed=tv", "Supported `feed` types: normal, continuous, live, longpoll, eventsource"),
                ("heartbeat=0&feed=longpoll", "The heartbeat value should be a positive integer (in milliseconds)."),
                ("filter=_none", "unknown builtin filter name"),
                ("filter=none", "`filter` must be of the form `designname/filtername`"),
                ("filter=_view", "`view` filter parameter is not provided."),
                ("filter=_doc_ids", "`doc_ids` filter parameter is not a list of doc ids."),
                ("filter=_selector", "Selector must be specified in POST payload"),
            ]
            for (query, reason) in cases {
                let answer = try await database.get("/_changes?\(query)")
                #expect(answer.status == 400, "\(query)")
                #expect(answer.json["error"] == "bad_request")
                #expect(answer.json["reason"]?.stringValue == reason)
            }
            let selectors: [(JSONValue, String)] = [
                ([:], "Selector error: expected a JSON object"),
                (["selector": ["a": ["$in": "ab"]]], "Bad argument for operator $in: <<97,98>>"),
                (["selector": ["a": ["$none": 1]]], "Invalid operator: $none"),
            ]
            for (body, reason) in selectors {
                let answer = try await database.post("/_changes?filter=_selector", body)
                #expect(answer.status == 400)
                #expect(answer.json == ["error": "bad_request", "reason": .string(reason)])
            }
        },
        ChangesCheck(name: "a body is JSON, says so, and is an object") { database in
            let json = [("Content-Type", "application/json")]
            let path = "/_changes?filter=_doc_ids"
            let array = try await database.send("POST", path, headers: json, text: "[1]")
            #expect(array.json == ["error": "bad_request", "reason": "Request body must be a JSON object"])
            let broken = try await database.send("POST", path, headers: json, text: "{\"doc_ids\":[")
            #expect(broken.json == ["error": "bad_request", "reason": "invalid UTF-8 JSON"])
            let form = [("Content-Type", "text/plain")]
            let plain = try await database.send("POST", path, headers: form, text: "{\"doc_ids\":[]}")
            #expect(plain.status == 415)
            let method = try await database.send("PUT", "/_changes", headers: json, text: "{}")
            #expect(method.status == 405)
        },
    ]
}
