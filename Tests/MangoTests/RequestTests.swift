import CouchProtocol
import JSON
import Testing

@testable import Mango

/// What is refused, with the words of CouchDB's `mango_error`.
@Suite struct RequestTests {
    @Test(arguments: [
        ("{}", "missing_required_key: Missing required key: selector"),
        (#"{"selector":5}"#, "invalid_selector_json: Selector must be a JSON object, not: 5"),
        (#"{"selector":{"a":{"$foo":1}}}"#, "invalid_operator: Invalid operator: $foo"),
        (#"{"selector":{"$gt":2}}"#, "invalid_selector: One or more conditions is missing a field name."),
        (
            #"{"selector":{},"limit":-1}"#,
            "invalid_non_neg_integer: -1 is not an integer greater than or equal to zero"
        ),
        (
            #"{"selector":{},"skip":1.2}"#,
            "invalid_non_neg_integer: 1.2 is not an integer greater than or equal to zero"
        ),
        (#"{"selector":{},"r":0}"#, "invalid_pos_integer: 0 is not an integer greater than zero"),
        (#"{"selector":{},"conflicts":null}"#, "invalid_boolean: Invalid boolean value: null"),
        (
            #"{"selector":{},"sort":"age"}"#,
            #"invalid_sort_json: Sort must be an array of sort specs, not: <<"age">>"#
        ),
        (#"{"selector":{},"sort":[2]}"#, "invalid_sort_field: Invalid sort field: 2"),
        (#"{"selector":{},"sort":[""]}"#, "invalid_sort_field: Invalid sort field: <<>>"),
        (#"{"selector":{},"sort":[{"a":"up"}]}"#, #"invalid_sort_field: Invalid sort field: {[{<<"a">>,<<"up">>}]}"#),
        (
            #"{"selector":{},"sort":[{"a":"asc"},{"b":"desc"}]}"#,
            "unsupported_mixed_sort: Sorts currently only support a single direction for all fields."
        ),
        (#"{"selector":{},"fields":"a"}"#, "invalid_fields: Fields must be an array of strings, not: <<97>>"),
        (#"{"selector":{},"fields":[1]}"#, "invalid_field: Invalid JSON for field spec: 1"),
        (
            #"{"selector":{},"use_index":["a","b","c"]}"#,
            "invalid_index_name: Invalid index name: [<<97>>,<<98>>,<<99>>]"
        ),
        (#"{"selector":{},"use_index":"a/b/c"}"#, "invalid_index_name: Invalid index name: <<97,47,98,47,99>>"),
        (#"{"selector":{},"bookmark":5}"#, "invalid_bookmark: Invalid bookmark value: 5"),
        (#"{"selector":{},"wrong":1}"#, "invalid_key: Invalid key wrong for this request."),
        (#"{"selector":{},"partition":"p"}"#, "query_parse_error: `partition` parameter is not supported on this db"),
    ])
    func `a query that is wrong is refused`(_ body: String, _ expected: String) throws {
        #expect(try Sample.error { _ = try FindRequest(parsing: try Sample.object(body)) } == expected)
    }

    @Test(arguments: [
        (#""a""#, ["a"]), (#""_design/a""#, ["a"]), (#""a/b""#, ["a", "b"]), (#""_design/a/b""#, ["a", "b"]),
        (#"["_design/a","b"]"#, ["_design/a", "b"]), ("[]", []), ("null", []),
    ])
    func `an index is named in several ways`(_ value: String, _ expected: [String]) throws {
        #expect(try FindRequest.indexName(try JSONValue(parsing: value)) == expected)
    }

    @Test(arguments: [
        ("{}", "missing_required_key: Missing required key: index"),
        (#"{"index":5}"#, "invalid_index: JSON indexes must be an object, not: 5"),
        (#"{"index":{}}"#, "missing_required_key: Missing required key: fields"),
        (
            #"{"index":{"fields":[{"a":"asc"},{"b":"desc"}]}}"#,
            "unsupported_mixed_sort: Sorts currently only support a single direction for all fields."
        ),
        (#"{"index":{"fields":["a"],"selector":{}}}"#, "invalid_key: Invalid key selector for this request."),
        (
            #"{"index":{"fields":["a"],"partial_filter_selector":{"a":{"$x":1}}}}"#,
            "invalid_operator: Invalid operator: $x"
        ),
        (#"{"index":{"fields":["a"]},"type":"text"}"#, "required index service unavailable: text"),
        (#"{"index":{"fields":["a"]},"type":"nouveau"}"#, "required index service unavailable: nouveau"),
        (#"{"index":{"fields":["a"]},"type":"geo"}"#, "invalid_index: Invalid type for index: geo"),
        (#"{"index":{"fields":["a"]},"name":""}"#, "invalid_empty_string: Index name or ddoc cannot be empty string"),
        (#"{"index":{"fields":["a"]},"ddoc":1}"#, "invalid_string: Invalid string: 1"),
        (#"{"index":{"fields":["a..b"]}}"#, "invalid_field_name: Invalid field name: a..b"),
        (#"{"index":{"fields":["a"]},"w":0}"#, "invalid_pos_integer: 0 is not an integer greater than zero"),
    ])
    func `an index that is wrong is refused`(_ body: String, _ expected: String) throws {
        #expect(try Sample.error { _ = try IndexRequest(parsing: try Sample.object(body)) } == expected)
    }

    @Test func `an index is kept in a design document, as CouchDB keeps it`() throws {
        let request = try IndexRequest(
            parsing: try Sample.object(
                #"{"index":{"fields":["b",{"a":"asc"}],"partial_filter_selector":{"$not":{"s":1}}},"#
                    + #""ddoc":"d","name":"n"}"#
            )
        )
        #expect(request.design.text == "_design/d")
        let document = try request.added(to: nil)
        #expect(
            JSONValue.object(document).text
                == #"{"language":"query","views":{"n":{"map":{"fields":{"b":"asc","a":"asc"},"#
                + #""partial_filter_selector":{"s":{"$ne":1}}},"reduce":"_count","options":{"def":"#
                + #"{"fields":["b",{"a":"asc"}],"partial_filter_selector":{"$not":{"s":1}}}}}}}"#
        )
        let index = try #require(QueryIndex.all(in: request.design, document).first)
        #expect(
            index.json.text
                == #"{"ddoc":"_design/d","name":"n","type":"json","partitioned":false,"def":{"fields":"#
                + #"[{"b":"asc"},{"a":"asc"}],"partial_filter_selector":{"s":{"$ne":1}}}}"#
        )
        #expect(try request.added(to: document) == document)
        #expect(IndexRequest.removing(["n"], from: document) == nil)
        var other = document
        other["language"] = "javascript"
        #expect(try Sample.error { _ = try request.added(to: other) }.hasPrefix("invalid_ddoc_lang:"))
        #expect(QueryIndex.all(in: request.design, other).isEmpty)
    }

    @Test func `a view that is no index definition is passed over`() throws {
        let document = try Sample.object(
            #"""
            {"language":"query","views":{
                "text":{"map":"function(doc){}","options":{}},"bare":{"map":{"fields":{"a":"asc"}}},
                "old":{"map":{"fields":{"a":"asc"},"selector":{"b":1}},"options":{"w":2}}
            }}
            """#
        )
        let indexes = QueryIndex.all(in: .design("d"), document)
        #expect(indexes.map(\.name) == ["old"])
        #expect(indexes[0].partialFilter?.json == ["b": ["$eq": 1]])
    }

    /// The names are from CouchDB's documentation and from its tests, which were made before `partitioned` was an
    /// option.
    @Test(arguments: [
        ("foo", "foo-index", 2, "a5f4711fc9448864a13c81dc71e660b524d7410c"),
        ("age", "age", 3, "a017b603a47036005de93034ff689bbbb6a873c4"),
    ])
    func `a generated name is CouchDB's`(_ field: String, _ name: String, _ copies: Int, _ expected: String) throws {
        let definition: JSONValue = ["fields": [.string(field)]]
        let generated = GeneratedName(
            definition: definition,
            options: [
                ("ddoc", .atom("auto_name")), ("def", .json(definition)), ("name", .binary(name)),
                ("type", .binary("json")), ("w", .json(.number(JSONNumber(copies)))),
            ]
        )
        #expect(generated.text == expected)
    }

    @Test func `a bookmark comes back as it was`() throws {
        for bookmark in [Bookmark(id: "ä?>~", key: nil), Bookmark(id: "x", key: Array(#"[1,{"a":"ü"}]"#.utf8))] {
            #expect(!bookmark.text.contains { "+/=".contains($0) })
            #expect(try Bookmark(parsing: bookmark.text) == bookmark)
        }
        #expect(
            try Sample.error { _ = try Bookmark(parsing: "bad-bookmark") }
                == #"invalid_bookmark: Invalid bookmark value: "bad-bookmark""#
        )
    }
}
