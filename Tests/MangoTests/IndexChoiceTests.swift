import CouchProtocol
import JSON
import Testing

@testable import Mango

/// Which index CouchDB 3.5 chooses: the facts of its own tests (`src/mango/test`, 05, 12, 16, 18 and 22).
@Suite struct IndexChoiceTests {
    private static func users() throws -> [QueryIndex] {
        try [
            ("user_id", #"["user_id"]"#), ("name", #"["name.last","name.first"]"#), ("age", #"["age"]"#),
            ("company_and_manager", #"["company","manager"]"#), ("manager", #"["manager"]"#),
            ("favorites", #"["favorites"]"#), ("twitter", #"["twitter"]"#),
        ].map { try Sample.index($0.0, $0.1) }
    }

    @Test(arguments: [
        (#"{"selector":{"age":123}}"#, "age"),
        (#"{"selector":{"name.first":"S","name.last":"x"}}"#, "name"),
        (#"{"selector":{"name":{"first":"S","last":"x"}}}"#, "name"),
        (#"{"selector":{"name.first":{"$gt":"a","$lt":"z"},"name.last":"Foo"}}"#, "name"),
        (
            #"{"selector":{"company":{"$gt":"a","$lt":"z"},"$or":[{"manager":"Foo"},{"manager":"Bar"}]}}"#,
            "company_and_manager"
        ),
        (#"{"selector":{"name.first":"S","name.last":"x","age":{"$gt":1}}}"#, "name"),
        (#"{"selector":{"name.first":"S","name.last":"x","age":{"$gt":1}},"use_index":"_design/age"}"#, "age"),
        (#"{"selector":{},"use_index":"age"}"#, "_all_docs"),
        (#"{"selector":{"manager":{"$exists":true}}}"#, "manager"),
        (#"{"selector":{"company":"Pharmex"},"use_index":["company_and_manager"]}"#, "_all_docs"),
        (#"{"selector":{"company":"Pharmex","manager":{"$exists":false}}}"#, "_all_docs"),
        (#"{"selector":{"company":{"$exists":true},"manager":true}}"#, "company_and_manager"),
        (#"{"selector":{"favorites":{"$elemMatch":{"$eq":"Erlang"}}}}"#, "favorites"),
        (#"{"selector":{"$not":{"age":{"$lt":5}}}}"#, "age"),
        (#"{"selector":{"age":{"$in":[1,2]}}}"#, "age"),
        (#"{"selector":{"$or":[{"age":1},{"age":2}]}}"#, "age"),
        (#"{"selector":{"$or":[{"age":1},{"user_id":2}]}}"#, "_all_docs"),
        (#"{"selector":{"manager":{"$gt":null}},"sort":[{"manager":"desc"}]}"#, "manager"),
        (#"{"selector":{},"sort":["age"]}"#, "age"),
        (#"{"selector":{"_id":{"$gt":null}},"sort":["_id"]}"#, "_all_docs"),
        (#"{"selector":{"manager":true},"use_index":"manager","allow_fallback":false}"#, "manager"),
        (#"{"selector":{"manager":true},"use_index":[],"allow_fallback":false}"#, "manager"),
    ])
    func `an index that fits is chosen`(_ request: String, _ expected: String) throws {
        #expect(try Sample.plan(request, try Self.users()).name == expected)
    }

    @Test(arguments: [
        (#"{"selector":{"_id":{"$gt":null}},"sort":["name"]}"#, "no_usable_index"),
        (
            #"{"selector":{"company":{"$gt":null}},"use_index":"company_and_manager","sort":[{"company":"desc"}]}"#,
            "no_usable_index"
        ),
        (#"{"selector":{"age":1},"sort":["_id"]}"#, "no_usable_index"),
        (#"{"selector":{},"sort":["_id"]}"#, "no_usable_index"),
        (#"{"selector":{"manager":true},"use_index":"invalid","allow_fallback":false}"#, "invalid_index"),
        (#"{"selector":{"company":"x"},"use_index":[],"allow_fallback":false}"#, "invalid_index"),
        (#"{"selector":{"company":"x"},"allow_fallback":false}"#, "invalid_index"),
    ])
    func `where none may be used there is an error`(_ request: String, _ expected: String) throws {
        let error = try Sample.error { _ = try Sample.plan(request, try Self.users()) }
        #expect(error.hasPrefix(expected + ":"), "\(request): \(error)")
    }

    @Test func `the best of several has most of the ranges, then the fewest columns, then the first name`() throws {
        let wide = try Sample.index("aaa", #"["name","age","user_id"]"#)
        let pair = try Sample.index("bbb", #"["name","age"]"#)
        let single = try Sample.index("zzz", #"["name"]"#)
        let other = try Sample.index("aaa", #"["name"]"#)
        let query = #"{"selector":{"name":"Eddie","age":{"$gte":12}}}"#
        #expect(try Sample.plan(query, [wide, pair, single]).name == "bbb")
        #expect(try Sample.plan(query, [single, other]).name == "aaa")
        #expect(try Sample.plan(#"{"selector":{"name":"Eddie"}}"#, [wide, pair, single]).name == "zzz")
        let located = try Sample.index("aaa", #"["name","location","user_id"]"#)
        let number = #"{"selector":{"name":"Eddie","number":{"$lte":12}}}"#
        #expect(try Sample.plan(number, [located, pair, single]).name == "zzz")
        for id in ["_id", "_rev"] {
            let index = try Sample.index("with", #"["name","\#(id)"]"#)
            #expect(try Sample.plan(#"{"selector":{"name":"Eddie"}}"#, [index]).name == "with")
        }
    }

    @Test(arguments: [
        (#"{"selector":{"cars":"2","age":10,"name":{"$gt":"AA"}},"sort":["name"]}"#, true),
        (#"{"selector":{"cars":"2","name":"Eddie","age":{"$gt":10}},"sort":["age"]}"#, true),
        (#"{"selector":{"name":"Eddie","age":{"$gt":1},"cars":{"$gt":"1"}},"sort":["name"]}"#, false),
        (#"{"selector":{"name":"Eddie","age":10,"cars":{"$gt":"1"}},"sort":["cars","name"]}"#, false),
        (#"{"selector":{"age":{"$gt":10},"cars":2,"name":{"$gt":"A"}},"sort":["age"]}"#, true),
        (#"{"selector":{"age":10,"cars":{"$gt":"1"}},"sort":["cars","name"]}"#, false),
        (#"{"selector":{"name":{"$gt":"Eddie"},"age":10,"cars":{"$gt":"1"}}}"#, true),
    ])
    func `what is sorted by may follow columns that have one value`(_ request: String, _ isUsable: Bool) throws {
        let index = try Sample.index("cars", #"["cars","age","name"]"#)
        let plan = try Sample.plan(request, [index], for: .explanation)
        #expect((plan.name == "cars") == isUsable)
    }

    @Test func `an index of some documents is used only by who asks for it`() throws {
        let partial = try Sample.index("some", #"["location"]"#, filter: #"{"location":{"$gte":"FRA"}}"#)
        let query = #""selector":{"location":{"$gte":"A"}}"#
        #expect(try Sample.plan("{\(query)}", [partial]).name == "_all_docs")
        #expect(try Sample.plan("{\(query),\"use_index\":\"some\"}", [partial]).name == "some")
        #expect(try Sample.plan("{\(query),\"use_index\":[\"_design/some\",\"some\"]}", [partial]).name == "some")
        #expect(try Sample.plan("{\(query),\"use_index\":[\"some\",\"other\"]}", [partial]).name == "_all_docs")
    }

    @Test(arguments: [
        (#"{"selector":{"age":{"$gte":32}},"fields":["_id"]}"#, true),
        (#"{"selector":{"company":{"$exists":true},"manager":true},"fields":["company"]}"#, true),
        (#"{"selector":{"favorites":{"$elemMatch":{"$eq":"E"}}},"fields":["favorites"]}"#, true),
        (#"{"selector":{"name":{"first":"S","last":"K"}},"fields":["_id"]}"#, true),
        (#"{"selector":{},"fields":["_id"]}"#, false),
        (#"{"selector":{"age":{"$gte":32}},"fields":["name"]}"#, false),
        (#"{"selector":{"age":{"$gte":32}}}"#, false),
        (#"{"selector":{"name.last":"H"},"fields":["name.first"]}"#, false),
        (#"{"selector":{"twitter":{"$ne":1},"age":{"$ne":23}},"fields":["twitter"],"use_index":"twitter"}"#, false),
    ])
    func `an index covers what has nothing but its fields`(_ request: String, _ isCovered: Bool) throws {
        #expect(try Sample.plan(request, try Self.users()).isCovered == isCovered)
    }

    @Test(arguments: [
        (#"{"$or":[]}"#, true), (#"{"$and":[]}"#, true), (#"{"$nor":[]}"#, true), (#"{"$not":{"$or":[]}}"#, true),
        ("{}", false), (#"{"age":22,"$or":[]}"#, false), (#"{"age":{"$gt":3,"$lt":2}}"#, true),
        (#"{"age":{"$gt":3,"$lt":3}}"#, true), (#"{"age":{"$gte":3,"$lte":3}}"#, false),
        (#"{"age":3,"$and":[{"age":4}]}"#, true),
    ])
    func `an operator without conditions and an empty range find nothing`(_ selector: String, _ isEmpty: Bool) throws {
        #expect(try Sample.plan(#"{"selector":\#(selector)}"#, try Self.users()).isEmpty == isEmpty)
    }

    @Test func `warnings are CouchDB's`() throws {
        let users = try Self.users()
        let unused = try Sample.plan(#"{"selector":{},"use_index":"age"}"#, users)
        #expect(
            unused.warning(examined: 3, found: 3) == """
                _design/age was not used because it does not contain a valid index for this query.
                No matching index found, create an index to optimize query time.
                """
        )
        let named = try Sample.plan(#"{"selector":{"age":1},"use_index":["_design/x","y"]}"#, users)
        #expect(
            named.warning(examined: 1, found: 1)
                == "_design/x, y was not used because it is not a valid index for this query."
        )
        let good = try Sample.plan(#"{"selector":{"age":1},"use_index":"age"}"#, users)
        #expect(good.warning(examined: 10, found: 1) == nil)
        #expect(good.warning(examined: 10, found: 0) == nil)
        #expect(good.warning(examined: 11, found: 1)?.hasPrefix("The number of documents examined is high") == true)
    }
}
