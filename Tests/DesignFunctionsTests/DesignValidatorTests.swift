import CouchProtocol
import DocumentStore
import JSON
import ScriptHosting
import Testing

@testable import DesignFunctions

@Suite(.serialized) struct DesignValidatorTests {
    @Test(arguments: [
        ("throw({forbidden: 'no'})", 403, "forbidden", "no"),
        ("throw({unauthorized: 'who?'})", 401, "unauthorized", "who?"),
        ("throw({forbidden: ['a', 1]})", 403, "forbidden", #"["a",1]"#),
        ("throw('plain')", 500, "unknown_error", "plain"),
        ("throw({other: 'x'})", 500, "unknown_error", "x"), ("throw(null)", 500, "unknown_error", "null"),
    ])
    func `what a function throws is what the writer is told`(
        _ body: String,
        _ status: Int,
        _ error: String,
        _ reason: String
    ) async throws {
        let refusals = try await refusals("function (newDoc) { \(body) }", [#"{"_id":"a"}"#])
        #expect(refusals == [CouchError(status: status, error: error, reason: reason)])
    }

    @Test func `a function that fails refuses the write and is named`() async throws {
        let refusal = try #require(try await refusals("function (newDoc) {\n newDoc.a.b }", ["{}"])[0])
        #expect(refusal.status == 500)
        #expect(refusal.error == "TypeError")
        #expect(refusal.reason.hasPrefix("_design/d0/validate_doc_update:2"))
        let compilation = try #require(try await refusals("function (", ["{}"])[0])
        #expect(compilation.error == "compilation_error")
    }

    @Test func `a function gets the documents, the caller and the security object`() async throws {
        let text = """
            function (newDoc, oldDoc, userCtx, secObj) {
              throw({forbidden: JSON.stringify([newDoc, oldDoc, userCtx, secObj, this.x, require('lib/m').y])});
            }
            """
        let refusals = try await withPool { pool in
            try await functions(pool, [text]).refusals(
                of: [
                    DocumentWrite(Array(#"{"_id":"a"}"#.utf8), nil),
                    DocumentWrite(Array("{}".utf8), Array("[1]".utf8)),
                ],
                by: Self.user,
                security: Array(#"{"admins":{}}"#.utf8)
            )
        }
        let rest = #"{"db":"db","name":"jo","roles":["a","b"]},{"admins":{}},"x",7]"#
        #expect(refusals.map { $0?.reason } == [#"[{"_id":"a"},null,"# + rest, "[{},[1]," + rest])
    }

    @Test func `each function is asked about what those before it let pass`() async throws {
        let refusals = try await refusals(
            [
                "function (doc) { if (doc.n == 1) throw({forbidden: 'first'}) }",
                "function (doc) { if (doc.n <= 2) throw({forbidden: 'second'}) }",
            ],
            [#"{"n":1}"#, #"{"n":2}"#, #"{"n":3}"#]
        )
        #expect(refusals.map { $0?.reason } == ["first", "second", nil])
    }

    @Test func `what a function does to its arguments the next write does not see`() async throws {
        let text = """
            function (newDoc, oldDoc, userCtx, secObj) {
              if (userCtx.roles.indexOf('_admin') >= 0 || secObj.seen) throw({forbidden: 'seen'});
              userCtx.roles.push('_admin'); secObj.seen = true; newDoc.seen = true;
            }
            """
        #expect(try await refusals(text, ["{}", "{}", "{}"]) == [nil, nil, nil])
    }

    @Test(arguments: [
        "while (true) {}", "/.*.*.*.*.*b/.test(Array(10000).join('a'))",
        "var a = []; for (;;) a.push(new Uint8Array(1e7).fill(1))",
    ])
    func `a write over which the function breaks a limit is refused, and no other`(_ body: String) async throws {
        let refusals = try await refusals(
            "function (doc) { if (doc.bad) { \(body) } if (doc.no) throw({forbidden: 'no'}) }",
            ["{}", #"{"bad":true}"#, #"{"no":true}"#, "{}"]
        )
        #expect(refusals.map { $0?.error } == [nil, "os_process_error", "forbidden", nil])
        #expect(refusals[1]?.reason.contains("_design/d0/validate_doc_update") == true)
    }

    @Test func `a function that breaks its limits again and again is not asked for ever`() async throws {
        let refusals = try await refusals("function (doc) { while (true) {} }", Array(repeating: "{}", count: 200))
        #expect(refusals.count == 200)
        #expect(refusals.allSatisfy { $0?.error == "os_process_error" })
    }

    @Test func `an endless recursion and a string that doubles refuse with their names`() async throws {
        for body in ["(function f() { return f() + 1 })()", "var x = 'x'; for (;;) x += x"] {
            let refusal = try #require(try await refusals("function (doc) { \(body) }", ["{}"])[0])
            #expect(refusal.status == 500)
            #expect(refusal.reason.contains("_design/d0/validate_doc_update"), "\(refusal)")
        }
    }

    private static let user = UserContext(database: "db", name: "jo", roles: ["a", "b"])

    private func functions(_ pool: ScriptHostPool, _ texts: [String]) throws -> any ValidationFunctions {
        let designs = texts.enumerated().map { index, text in
            DesignDocument(
                .design("d\(index)"),
                ["validate_doc_update": .string(text), "x": "x", "lib": ["m": "exports.y = 7"]]
            )
        }
        return try #require(DesignValidator(pool).functions(of: designs))
    }

    private func refusals(_ function: String, _ documents: [String]) async throws -> [CouchError?] {
        try await refusals([function], documents)
    }

    private func refusals(_ functions: [String], _ documents: [String]) async throws -> [CouchError?] {
        try await withPool { pool in
            try await self.functions(pool, functions).refusals(
                of: documents.map { DocumentWrite(Array($0.utf8), nil) },
                by: Self.user,
                security: Array("{}".utf8)
            )
        }
    }
}
