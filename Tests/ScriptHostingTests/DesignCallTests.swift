import JSON
import ScriptHosting
import TestScripts
import Testing

/// Validation and update functions in a host.
@Suite(.serialized) struct DesignCallTests {
    private static let library: JSONObject = ["x": 5, "lib": ["m": "exports.y = 6"]]

    @Test func `a validation answers for each write`() async throws {
        try await withPool { pool async throws in
            let functions = ScriptFunctions(
                """
                function (newDoc, oldDoc, userCtx, secObj) {
                  if (newDoc.fails) newDoc.a.b;
                  if (newDoc.no) throw({forbidden: [oldDoc, userCtx.name, secObj.s, this.x, require('lib/m').y]});
                }
                """,
                library: Self.library
            )
            let writes = [("{}", nil), (#"{"no":1}"#, #"{"v":1}"#), (#"{"fails":1}"#, nil), (#"{"no":1}"#, nil)]
            let outcomes = try await pool.validate(
                functions,
                writes.map { ValidatedWrite(document: Array($0.0.utf8), previous: $0.1.map { Array($0.utf8) }) },
                userContext: Array(#"{"name":"jo"}"#.utf8),
                security: Array(#"{"s":4}"#.utf8)
            )
            #expect(outcomes[0] == .passes)
            #expect(outcomes[1] == .refused(["forbidden": [["v": 1], "jo", 4, 5, 6]]))
            guard case .failed(let error) = outcomes[2] else {
                Issue.record("unexpected: \(outcomes[2])")
                return
            }
            #expect(error.kind == .exception && error.function == "f0" && error.line == 2)
            #expect(outcomes[3] == .refused(["forbidden": [.null, "jo", 4, 5, 6]]))
        }
    }

    @Test func `an update makes a document and an answer`() async throws {
        try await withPool { pool async throws in
            func update(_ body: String, _ document: String? = nil) async throws -> String {
                let functions = ScriptFunctions("function (doc, req) { \(body) }", library: Self.library)
                let text = try await pool.update(
                    functions,
                    document: document.map { Array($0.utf8) },
                    request: Array(#"{"id":"a"}"#.utf8)
                )
                return String(decoding: text, as: UTF8.self)
            }
            #expect(try await update("return [doc, 'none']") == #"[null,"none"]"#)
            let counted = try await update("doc.n++; return [doc, {json: req.id}]", #"{"n":1}"#)
            #expect(counted == #"[{"n":2},{"json":"a"}]"#)
            let required = try await update("return [undefined, {body: this.x + require('lib/m').y}]")
            #expect(required == #"[null,{"body":11}]"#)
            for (body, message) in [
                ("return 'x'", "undefined response"), ("return [doc]", "undefined response"),
                ("return [doc, 3]", "undefined response"), ("return", "undefined response"), ("doc.a", "TypeError"),
                ("throw 'no'", "no"),
            ] {
                let error = await scriptError { try await update(body) }
                #expect(error?.kind == .exception, "\(body)")
                #expect(error?.function == "f0")
                #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
            }
        }
    }

    @Test func `an update without end is ended and named`() async throws {
        try await withPool(.impatient) { pool async throws in
            let functions = ScriptFunctions("function (doc, req) { while (true) {} }")
            let error = await scriptError {
                try await pool.update(functions, document: nil, request: Array("{}".utf8))
            }
            #expect(error?.kind == .timeLimit && error?.function == "f0")
        }
    }
}
