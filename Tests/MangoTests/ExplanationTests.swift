import CouchProtocol
import JSON
import Testing

@testable import Mango

/// `_explain`, as CouchDB 3.5 answers it (`src/mango/test/23-explain-indexes-test.py`).
@Suite struct ExplanationTests {
    private func candidates(_ plan: FindPlan) -> [String] {
        (plan.explanation(database: "db")["index_candidates"]?.arrayValue ?? []).map { candidate in
            let analysis = candidate["analysis"]
            return [
                candidate["index"]?["name"]?.stringValue ?? "", analysis?["usable"]?.text ?? "",
                analysis?["reasons"]?.arrayValue?[0]["name"]?.stringValue ?? "", analysis?["ranking"]?.text ?? "",
                analysis?["covering"]?.text ?? "",
            ].joined(separator: " ")
        }
    }

    @Test func `each index says why it was not chosen`() throws {
        let indexes = try [
            Sample.index("age", #"["age"]"#), Sample.index("name", #"["name.last","name.first"]"#),
            Sample.index("user_id", #"["user_id"]"#),
        ]
        let plan = try Sample.plan(#"{"selector":{"age":23}}"#, indexes, for: .explanation)
        #expect(
            candidates(plan) == [
                "user_id false field_mismatch 2 false", "name false field_mismatch 2 false",
                "_all_docs true unfavored_type 1 null",
            ]
        )
        let wide = try Sample.index("wide", #"["age","size"]"#)
        let same = try Sample.index("zage", #"["age"]"#)
        let some = try Sample.index("some", #"["age"]"#, filter: #"{"age":{"$gt":1}}"#)
        let all = try Sample.plan(
            #"{"selector":{"age":23,"size":1},"fields":["age","size"]}"#,
            indexes + [wide, same, some],
            for: .explanation
        )
        #expect(all.name == "wide")
        #expect(
            candidates(all) == [
                "zage true less_overlap 2 false", "user_id false field_mismatch 4 false",
                "some false is_partial 5 false", "name false field_mismatch 4 false",
                "age true less_overlap 1 false", "_all_docs true unfavored_type 3 null",
            ]
        )
        let named = try Sample.plan(#"{"selector":{"age":23},"use_index":"zage"}"#, indexes + [same], for: .explanation)
        #expect(candidates(named).contains("age true excluded_by_user 1 false"))
    }

    @Test func `without an index that could be used there is none`() throws {
        let plan = try Sample.plan(#"{"selector":{"age":23},"sort":["company"]}"#, [], for: .explanation)
        #expect(candidates(plan) == ["_all_docs false field_mismatch 1 null"])
        let explanation = plan.explanation(database: "db")
        #expect(explanation["index"] == .null && explanation["mrargs"] == nil && explanation["covering"] == nil)
    }

    @Test func `the whole answer has CouchDB's members`() throws {
        let index = try Sample.index("year", #"["year"]"#)
        let plan = try Sample.plan(
            #"{"selector":{"year":{"$gt":2010},"x":{"$regex":"a"}},"fields":["_id","year"],"limit":2,"skip":1}"#,
            [index],
            for: .explanation
        )
        let expected = """
            {"dbname":"movies","index":{"ddoc":"_design/year","name":"year","type":"json","partitioned":false,
            "def":{"fields":[{"year":"asc"}]}},"partitioned":false,
            "selector":{"$and":[{"year":{"$gt":2010}},{"x":{"$regex":"a"}}]},
            "opts":{"use_index":[],"bookmark":"nil","limit":2,"skip":1,"sort":{},"fields":["_id","year"],
            "partition":"","r":1,"conflicts":false,"stale":false,"update":true,"stable":false,
            "execution_stats":false,"allow_fallback":true},"limit":2,"skip":1,"fields":["_id","year"],
            "index_candidates":[{"index":{"ddoc":null,"name":"_all_docs","type":"special",
            "def":{"fields":[{"_id":"asc"}]}},
            "analysis":{"usable":true,"reasons":[{"name":"unfavored_type"}],"ranking":1,"covering":null}}],
            "selector_hints":[{"type":"json","indexable_fields":["year"],"unindexable_fields":["x"]}],
            "mrargs":{"include_docs":true,"view_type":"map","reduce":false,"partition":null,"start_key":[2010],
            "end_key":["<MAX>"],"direction":"fwd","stable":false,"update":true,"conflicts":"undefined"},
            "covering":false}
            """
        #expect(plan.explanation(database: "movies") == (try JSONValue(parsing: expected)))
        let backwards = try Sample.plan(#"{"selector":{"year":5},"sort":[{"year":"desc"}]}"#, [index])
        let arguments = backwards.explanation(database: "movies")["mrargs"]
        #expect(arguments?["start_key"] == [5, "<MAX>"] && arguments?["end_key"] == [5])
        #expect(arguments?["direction"] == "rev")
        let ids = try Sample.plan(#"{"selector":{}}"#, []).explanation(database: "movies")["mrargs"]
        #expect(ids?["start_key"] == "" && ids?["end_key"] == "<MAX>")
    }
}
