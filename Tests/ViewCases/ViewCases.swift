package import JSON

/// Documents, views over them, and what queries of the views answer: the same for the server and for a device.
package enum ViewCases {
    /// The keys of the documentation's example of the order of keys, in that order.
    ///
    /// Members of objects have no order in the server's store, so the documentation's `{"b":2,"a":1}` is written in the
    /// order that it has there.
    private static let keys = [
        "null", "false", "true", "1", "2", "3.5", "4", #""a""#, #""A""#, #""aa""#, #""b""#, #""B""#, #""ba""#,
        #""bb""#, #"["a"]"#, #"["b"]"#, #"["b","c"]"#, #"["b","c","a"]"#, #"["b","d"]"#, #"["b","d","e"]"#,
        #"{"a":1}"#, #"{"a":1,"b":2}"#, #"{"a":2}"#, #"{"b":1}"#, #"{"b":2}"#, #"{"b":2,"c":2}"#,
    ]

    /// The documents, one for each key, named against the order of the keys.
    package static func documents() throws -> [(id: String, body: JSONObject)] {
        try keys.enumerated().map { place, key in
            ("d\(100 - place)", ["k": try JSONValue(parsing: key), "n": .number(JSONNumber(place))])
        }
    }

    /// The design document `_design/x`.
    package static let design: JSONObject = [
        "views": [
            "map": ["map": "function (doc) { emit(doc.k, doc.n) }"],
            "sum": ["map": "function (doc) { emit(doc.k, doc.n) }", "reduce": "_sum"],
            "own": [
                "map": "function (doc) { emit(doc.k, doc.n) }",
                "reduce": "function (keys, values, rereduce) { return sum(values) }",
            ],
        ]
    ]

    private static let all = keys.indices.map(String.init).joined(separator: " ")

    /// Queries as they stand in an address, behind `_view/`, and their answers as ``line(_:)`` gives them.
    package static let queries: [(query: String, line: String)] = [
        ("map", "\(all) | 26 0"), ("map?limit=3", "0 1 2 | 26 0"), ("map?limit=2&skip=3", "3 4 | 26 3"),
        ("map?descending=true&limit=2", "25 24 | 26 0"), ("map?limit=0", " | 26 0"),
        ("map?skip=99", " | 26 26"),
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
        ("own", "325 | - -"), ("own?group=true&limit=2", "0 1 | - -"), ("own?group_level=1&skip=25", " | - -"),
        (#"own?startkey=["b"]&endkey=["b",{}]&group_level=1"#, "85 | - -"),
        ("sum?group=true&descending=true&skip=1&limit=2", "24 23 | - -"),
        ("map?descending=true&startkey=2&endkey=1", "4 3 | 26 21"), ("map?update=true&limit=1&skip=25", "25 | 26 25"),
    ]

    /// Queries that are refused, and how.
    package static let refusals: [(query: String, status: Int, error: String, reason: String?)] = [
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
    ]

    /// The values of the rows, the total and the offset, in one line.
    package static func line(_ answer: JSONValue) -> String {
        let rows = (answer["rows"]?.arrayValue ?? []).map { $0["value"]?.text ?? "?" }
        return "\(rows.joined(separator: " ")) | \(answer["total_rows"]?.text ?? "-") \(answer["offset"]?.text ?? "-")"
    }

    /// A query's view and its parameters: what is JSON as its value, and what is not as a text.
    package static func parameters(_ query: String) -> (view: String, parameters: JSONObject) {
        let parts = query.split(separator: "?", maxSplits: 1)
        var parameters: JSONObject = [:]
        for pair in parts.dropFirst().first?.split(separator: "&") ?? [] {
            let sides = pair.split(separator: "=", maxSplits: 1).map(String.init)
            parameters[sides[0]] = (try? JSONValue(parsing: sides[1])) ?? .string(sides[1])
        }
        return (String(parts[0]), parameters)
    }
}
