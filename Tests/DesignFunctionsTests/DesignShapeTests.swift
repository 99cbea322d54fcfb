import CouchProtocol
import JSON
import ScriptHosting
import Testing

@testable import DesignFunctions

/// What CouchDB 3.5 says of the shapes of design documents.
@Suite struct DesignShapeTests {
    private func refusal(_ text: String) throws -> CouchError? {
        let members = try #require(try JSONValue(parsing: text).objectValue)
        do {
            try DesignShape.check(members)
            return nil
        } catch {
            return error as CouchError
        }
    }

    @Test(arguments: [
        "{}", #"{"language":"erlang","views":{"v":{"map":"whatever"}}}"#, #"{"x":1,"lib":{"a":1}}"#,
        #"{"views":{"lib":{"a":"b"},"v":{"map":"f","reduce":"_sum","options":{}}}}"#,
        #"{"filters":{"a":"f","b":{}},"updates":{},"shows":{"s":"f"},"lists":{"l":{}},"rewrites":[],"options":{}}"#,
        #"{"language":"query","views":{"v":{"map":{"fields":{}},"reduce":"_count"}}}"#,
        #"{"validate_doc_update":"f","options":{"local_seq":true,"include_design":false,"partitioned":false}}"#,
        #"{"rewrites":"function () {}"}"#,
    ])
    func `a design document of the right shape passes`(_ text: String) throws {
        #expect(try refusal(text) == nil)
    }

    @Test(arguments: [
        (#"{"views":[]}"#, "`views` field must have object type"),
        (#"{"views":{"v":"f"}}"#, "`views.v` field must have object type"),
        (#"{"views":{"v":{"map":{}}}}"#, "`views.v.map` field must have string type"),
        (#"{"views":{"v":{"map":"f","reduce":1}}}"#, "`views.v.reduce` field must have string type"),
        (#"{"views":{"v":{}}}"#, "View `v` must contain map function"),
        (#"{"views":{"lib":"a"}}"#, "`views.lib` field must have object type"),
        (#"{"language":"query","views":{"v":{"map":"f"}}}"#, "`views.v.map` field must have object type"),
        (#"{"language":1}"#, "`language` field must have string type"),
        (#"{"filters":"f"}"#, "`filters` field must have object type"),
        (#"{"filters":{"f":1}}"#, "`filters.f` field must have object or string type"),
        (#"{"updates":{"u":null}}"#, "`updates.u` field must have object or string type"),
        (#"{"validate_doc_update":[]}"#, "`validate_doc_update` field must have string or object type"),
        (#"{"rewrites":{}}"#, "`rewrites` field must have string or array type"),
        (#"{"options":{"local_seq":1}}"#, "`options.local_seq` field must have boolean type"),
        (
            #"{"options":{"partitioned":true}}"#,
            "partitioned option cannot be true in a non-partitioned database."
        ),
    ])
    func `a design document of another shape is refused with the member's name`(
        _ text: String,
        _ reason: String
    ) throws {
        #expect(try refusal(text) == CouchError(status: 400, error: "invalid_design_doc", reason: reason))
    }

    @Test(arguments: [
        "_sum", "_count", "_stats", "_approx_count_distinct", "_first", "_last", "_top_1", "_bottom_100",
    ])
    func `reduces that are built in are known by name`(_ name: String) throws {
        try ReduceName.check(name)
    }

    @Test(arguments: [
        ("_max", "`_max` is not a supported reduce function."), ("_top_", "invalid rank reducer"),
        ("_top_0", "rank value must be between 1 and 100"), ("_bottom_101", "rank value must be between 1 and 100"),
    ])
    func `reduces that are not there are refused`(_ name: String, _ reason: String) {
        #expect(throws: CouchError(status: 400, error: "invalid_design_doc", reason: reason)) {
            try ReduceName.check(name)
        }
    }

    @Test func `functions are found by name, and what is missing is named`() throws {
        let design = DesignDocument(
            .design("d"),
            ["filters": ["f": "function () {}", "n": .null], "views": ["v": ["map": "m"], "lib": ["a": "x"]]]
        )
        #expect(try design.function("f", of: "filters").sources.map(\.name) == ["_design/d/filters/f"])
        #expect(try design.map(of: "v").sources.map(\.text) == ["m"])
        #expect(design.viewLibrary == ["views": ["lib": ["a": "x"]]])
        #expect(design.validation == nil)
        #expect(throws: CouchError.notFound("missing json key: updates")) { try design.function("f", of: "updates") }
        #expect(throws: CouchError.notFound("missing json key: g")) { try design.function("g", of: "filters") }
        #expect(throws: CouchError.notFound("missing json key: n")) { try design.function("n", of: "filters") }
        #expect(throws: CouchError.notFound("missing json key: w")) { try design.map(of: "w") }
    }
}
