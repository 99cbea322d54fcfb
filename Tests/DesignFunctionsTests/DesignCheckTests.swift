import CouchProtocol
import JSON
import Testing

@testable import DesignFunctions

@Suite(.serialized) struct DesignCheckTests {
    @Test func `functions that compile pass, with the modules that they require`() async throws {
        try await withPool { pool in
            let design = DesignDocument(
                .design("d"),
                [
                    "views": [
                        "lib": ["a": "exports.key = 'k'"],
                        "v": [
                            "map": "var a = require('views/lib/a'); (function (doc) { emit(a.key, 1) })",
                            "reduce": "function (keys, values) { return sum(values) }",
                        ],
                        "w": ["map": "doc => emit(doc._id)", "reduce": "_top_5"],
                    ],
                    "filters": ["f": "function (doc, req) { return true }", "o": [:]],
                    "updates": ["u": "function (doc, req) { return [null, ''] }"],
                    "validate_doc_update": "function (newDoc) { require('lib/none') }",
                ]
            )
            try await DesignCheck(scripts: pool).check(design, onlyViews: false)
        }
    }

    @Test(arguments: [
        (
            #"{"views":{"v":{"map":"function (doc) {\n  emit(;\n}"}}}"#, "the map function in the 'v' view",
            "_design/d/views/v/map:2"
        ),
        (
            #"{"views":{"v":{"map":"function () {}","reduce":"function ("}}}"#, "the reduce function in the 'v' view",
            "_design/d/views/v/reduce"
        ),
        (#"{"filters":{"f":"function (doc) { return"}}"#, "the filter function 'f'", "_design/d/filters/f"),
        (#"{"updates":{"u":"42"}}"#, "the update function 'u'", "the text is no function"),
        (#"{"validate_doc_update":"x y"}"#, "the validate_doc_update function", "_design/d/validate_doc_update:1"),
    ])
    func `a function that does not compile is named with its line`(
        _ text: String,
        _ function: String,
        _ place: String
    ) async throws {
        let members = try #require(try JSONValue(parsing: text).objectValue)
        try await withPool { pool in
            let error = await #expect(throws: CouchError.self) {
                try await DesignCheck(scripts: pool).check(DesignDocument(.design("d"), members), onlyViews: false)
            }
            #expect(error?.status == 400)
            #expect(error?.error == "compilation_error")
            #expect(error?.reason.hasPrefix("Compilation of \(function) failed: ") == true)
            #expect(error?.reason.contains(place) == true, "\(error?.reason ?? "")")
        }
    }

    @Test func `what was stored elsewhere is refused for its views alone`() async throws {
        try await withPool { pool in
            let check = DesignCheck(scripts: pool)
            try await check.check(DesignDocument(.design("d"), ["validate_doc_update": "x y"]), onlyViews: true)
            try await check.check(
                DesignDocument(.design("d"), ["language": "erlang", "views": ["v": ["map": "x y"]]]),
                onlyViews: false
            )
            await #expect(throws: CouchError.self) {
                try await check.check(DesignDocument(.design("d"), ["views": ["v": ["map": "x y"]]]), onlyViews: true)
            }
            await #expect(throws: CouchError.self) {
                try await check.check(
                    DesignDocument(.design("d"), ["views": ["v": ["map": "function () {}", "reduce": "_max"]]]),
                    onlyViews: true
                )
            }
        }
    }

    @Test func `a function without end while it is compiled is named`() async throws {
        try await withPool { pool in
            let error = await #expect(throws: CouchError.self) {
                try await DesignCheck(scripts: pool).check(
                    DesignDocument(.design("d"), ["filters": ["f": "while (true) {} (function () {})"]]),
                    onlyViews: false
                )
            }
            #expect(error?.error == "compilation_error")
            #expect(error?.reason.contains("_design/d/filters/f") == true)
        }
    }
}
