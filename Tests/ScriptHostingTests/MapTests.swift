import JSON
import ScriptHosting
import TestScripts
import Testing

@Suite(.serialized) struct MapTests {
    @Test func `each function gets each document, and rows come in order`() async throws {
        try await withPool { pool async throws in
            let functions = ScriptFunctions(
                "function (doc) { emit(doc._id, doc.n); emit(null, [doc.n]) }",
                "function (doc) { if (doc.n > 1) emit(doc.n, {a: doc._id}) }"
            )
            for _ in 0..<2 {
                let rows = try await pool.rows(functions, [#"{"_id":"a","n":1}"#, #"{"_id":"b","n":2}"#])
                #expect(rows == [[["\"a\"=1", "null=[1]"], []], [["\"b\"=2", "null=[2]"], [#"2={"a":"b"}"#]]])
            }
            #expect(try await pool.rows(functions, []) == [])
        }
    }

    @Test func `a map that throws skips that document for that function and nothing else`() async throws {
        try await withPool { pool async throws in
            let functions = ScriptFunctions("function (doc) {\n  emit(doc.a.b, 1)\n}", "function (doc) { emit(1, 1) }")
            let documents = [#"{"a":{"b":1}}"#, "{}", #"{"a":{"b":3}}"#, "nonsense"].map { Array($0.utf8) }
            let outcomes = try await pool.map(functions, documents: documents)
            guard case .failed(let error) = outcomes[1][0], case .rows(let rows) = outcomes[1][1],
                case .failed(let unreadable) = outcomes[3][1], case .rows = outcomes[2][0]
            else {
                Issue.record("unexpected outcomes: \(outcomes)")
                return
            }
            #expect(error.kind == .exception)
            #expect(error.function == "f0")
            #expect(error.line == 2)
            #expect(rows.count == 1)
            #expect(unreadable.message.contains("no JSON"))
        }
    }

    @Test func `a map that changes its document changes nobody else's`() async throws {
        try await withPool { pool async throws in
            let functions = ScriptFunctions(
                "function (doc) { doc.n = 99; doc.list.push(4); delete doc._id; doc.list.x = doc; emit(doc.n, doc.list.length) }",
                "function (doc) { emit([doc._id, doc.n], doc.list) }"
            )
            let rows = try await pool.rows(functions, [#"{"_id":"a","n":1,"list":[1,2,3]}"#])
            #expect(rows == [[["99=4"], [#"["a",1]=[1,2,3]"#]]])
        }
    }

    @Test func `text and numbers come back as they are`() async throws {
        try await withPool { pool async throws in
            let functions = ScriptFunctions("function (doc) { emit(doc.v, doc.v) }")
            for json in [
                #""\u0000a""#, #""\ud800""#, "\"é😀\u{2028}\"", "9007199254740991", "-0.5", #""line\nfeed""#, "[]",
            ] {
                #expect(try await pool.rows(functions, ["{\"v\":\(json)}"]) == [[["\(json)=\(json)"]]])
            }
            // JavaScript has doubles and nothing else.
            #expect(
                try await pool.rows(functions, [#"{"v":9007199254740993}"#]) == [
                    [["9007199254740992=9007199254740992"]]
                ]
            )
        }
    }

    @Test func `documents nested as deep as JSON may be are mapped`() async throws {
        try await withPool { pool async throws in
            let deep = String(repeating: "[", count: 1_000) + String(repeating: "]", count: 1_000)
            let rows = try await pool.rows(ScriptFunctions("function (doc) { emit(doc.v, 1) }"), ["{\"v\":\(deep)}"])
            #expect(rows == [[["\(deep)=1"]]])
        }
    }

    @Test func `a function that does not compile fails the batch with its name and line`() async throws {
        try await withPool { pool async throws in
            let functions = ScriptFunctions("function (doc) {}", "function (doc) {\n\n  emit(;\n}")
            for error in [
                await scriptError { try await pool.map(functions, documents: []) },
                await scriptError { try await pool.check(functions) },
            ] {
                #expect(error?.kind == .compilation)
                #expect(error?.function == "f1")
                #expect(error?.line == 3)
            }
            try await pool.check(ScriptFunctions("function (doc) {}"))
        }
    }

    @Test func `one design document's scripts cannot harm another's`() async throws {
        try await withPool { pool async throws in
            let bad = ScriptFunctions(
                "function (doc) { Array.prototype.push = Object.prototype.evil = JSON.stringify = 1; leak = 2; emit(1, 1) }"
            )
            let good = ScriptFunctions(
                "function (doc) { var a = []; a.push(doc.evil, typeof leak); emit(JSON.stringify(a), 1) }"
            )
            _ = try await pool.rows(bad, ["{}"])
            #expect(try await pool.rows(good, ["{}"]) == [[[#""[null,\"undefined\"]"=1"#]]])
        }
    }

    @Test func `modules of the design document are there`() async throws {
        try await withPool { pool async throws in
            let library: JSONObject = ["views": ["lib": ["double": "module.exports = function (x) { return 2 * x }"]]]
            let text = "function (doc) { emit(require('views/lib/double')(doc.n), null) }"
            #expect(try await pool.rows(ScriptFunctions(text, library: library), [#"{"n":21}"#]) == [[["42=null"]]])
            let without = try await pool.rows(ScriptFunctions(text), [#"{"n":21}"#])
            #expect(without[0][0][0].contains("Object has no property \"views\""))
        }
    }

    @Test func `more design documents than a host keeps compiled are served all the same`() async throws {
        var limits = ScriptLimits.patient
        limits.warmEnvironments = 3
        try await withPool(limits) { pool async throws in
            for round in 0..<3 {
                for number in 0..<10 {
                    let rows = try await pool.rows(
                        ScriptFunctions("function (doc) { emit(\(number), \(round)) }"),
                        ["{}"]
                    )
                    #expect(rows == [[["\(number)=\(round)"]]])
                }
            }
        }
    }

    @Test func `a filter answers for each document`() async throws {
        try await withPool { pool async throws in
            let functions = ScriptFunctions(
                "function (doc, req) { if (!doc.n) throw 'none'; return doc.n > req.query.min }"
            )
            let documents = [#"{"n":1}"#, #"{"n":5}"#, "{}"].map { Array($0.utf8) }
            let outcomes = try await pool.filter(
                functions,
                documents: documents,
                request: Array(#"{"query":{"min":"3"}}"#.utf8)
            )
            #expect(outcomes.prefix(2) == [.doesNotPass, .passes])
            #expect(outcomes.last == .failed(ScriptError(.exception, "none", function: "f0")))
        }
    }

    @Test func `what is larger than a request may be is refused`() async throws {
        var limits = ScriptLimits.patient
        limits.inputSize = 1_000
        try await withPool(limits) { pool async throws in
            let document = Array("{\"a\":\"\(String(repeating: "x", count: 600))\"}".utf8)
            let functions = ScriptFunctions("function (doc) { emit(doc.a.length, 1) }")
            _ = try await pool.map(functions, documents: [document])
            let error = await scriptError { try await pool.map(functions, documents: [document, document]) }
            #expect(error?.kind == .inputLimit)
        }
    }
}
