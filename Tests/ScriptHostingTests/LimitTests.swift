import JSON
import ScriptHosting
import TestScripts
import Testing

/// Scripts that mean harm, on purpose or not: each ends with an error that names it, and the next batch is served.
@Suite(.serialized) struct LimitTests {
    @Test(arguments: [
        "while (true) {}", "try { while (true) {} } catch (e) {}",
        "for (;;) { try { for (;;); } finally { continue } }",
        // What the engine's own limit does not interrupt: the host ends itself.
        "emit(/.*.*.*.*.*b/.test(Array(10000).join('a')), 1)", "(function f() { Promise.resolve().then(f) })()",
    ])
    func `a script without end is ended`(_ body: String) async throws {
        try await withPool(.impatient) { pool async throws in
            let functions = ScriptFunctions(
                "function (doc) { emit(1, 1) }",
                "function (doc) { if (doc.bad) { \(body) } emit(2, 2) }"
            )
            #expect(try await pool.rows(functions, ["{}"]) == [[["1=1"], ["2=2"]]])
            let error = await scriptError { try await pool.rows(functions, ["{}", #"{"bad":true}"#, "{}"]) }
            #expect(error?.kind == .timeLimit)
            #expect(error?.function == "f1")
            #expect(try await pool.rows(functions, ["{}"]) == [[["1=1"], ["2=2"]]])
        }
    }

    @Test func `a module that takes too long is not there half, and leaves the others as they are`() async throws {
        try await withPool(.impatient) { pool async throws in
            try await pool.withSession { session async throws in
                let texts: JSONObject = ["slow": "exports.a = 1; while (true) {}", "quick": "exports.list = [1];"]
                session.bindModules("require", texts)
                let place = ScriptLocation("sequences/a.yaml", line: 7)
                // So that the host is known to have the modules, and is not sent them with each of the next.
                #expect(try await session.evaluate("typeof require", at: place) == "function")
                for _ in 0..<2 {
                    let error = await scriptError { try await session.evaluate("require('slow').a", at: place) }
                    #expect(error?.kind == .timeLimit)
                }
                let push = "require('quick').list.push(2)"
                let change = await scriptError { try await session.evaluate(push, at: place) }
                #expect(change != nil)
                #expect(try await session.evaluate("require('quick').list", at: place) == [1])
            }
        }
    }

    @Test(arguments: [
        "var a = []; for (;;) a.push('x' + a.length)", "var a = new Array(1e8); a.fill(0); for (;;) a = a.concat(a)",
        "var a = []; for (;;) a.push(new Uint8Array(1e7).fill(1))",
        "var s = 'x'; for (;;) { s += s; s.indexOf('y'); emit(s.length, s.replace(/x/g, 'yy')) }",
    ])
    func `a script that takes memory without end is ended`(_ body: String) async throws {
        var limits = ScriptLimits.patient
        limits.memory = 200 << 20
        try await withPool(limits) { pool async throws in
            let functions = ScriptFunctions("function (doc) { if (doc.bad) { \(body) } emit(2, 2) }")
            let outcome = await Result { try await pool.rows(functions, [#"{"bad":true}"#]) }
            switch outcome {
            // The engine itself may refuse; then the script has thrown.
            case .success(let rows): #expect(rows[0][0][0].contains("emory"))
            case .failure(let error):
                let error = error as? ScriptError
                #expect(error?.kind == .memoryLimit)
                #expect(error?.function == "f0")
            }
            #expect(try await pool.rows(functions, ["{}"]) == [[["2=2"]]])
        }
    }

    @Test func `a string that doubles and an endless recursion are exceptions of one document`() async throws {
        try await withPool { pool async throws in
            let functions = ScriptFunctions(
                "function (doc) { var x = 'x'; if (doc.bad) for (;;) x += x; emit(1, 1) }",
                "function f(doc) { if (doc.bad) return f(doc) + 1; emit(2, 2) }"
            )
            let rows = try await pool.rows(functions, [#"{"bad":true}"#, "{}"])
            #expect(rows[0][0][0].hasPrefix("!RangeError: Out of memory"))
            #expect(rows[0][1][0].hasPrefix("!RangeError: Maximum call stack"))
            #expect(rows[1] == [["1=1"], ["2=2"]])
        }
    }

    @Test(arguments: [
        "emit(Array(1e8).join('x'), 1)", "for (var i = 0; i < 1e5; i++) emit(i, Array(1e3).join('x'))",
    ])
    func `a hundred megabytes of rows are refused`(_ body: String) async throws {
        try await withPool { pool async throws in
            let functions = ScriptFunctions("function (doc) { if (doc.bad) { \(body) } emit(2, 2) }")
            let error = await scriptError { try await pool.rows(functions, [#"{"bad":true}"#]) }
            #expect(error?.kind == .outputLimit || error?.kind == .memoryLimit)
            #expect(error?.function == "f0")
            #expect(try await pool.rows(functions, ["{}"]) == [[["2=2"]]])
        }
    }

    @Test func `a batch that takes too long as a whole is ended by the parent`() async throws {
        var limits = ScriptLimits.patient
        limits.batchTime = .seconds(3)
        try await withPool(limits) { pool async throws in
            let functions = ScriptFunctions(
                "function (doc) { var end = Date.now() + doc.time; while (Date.now() < end); emit(1, 1) }"
            )
            let documents = Array(repeating: #"{"time":100}"#, count: 600)
            #expect(await scriptError { try await pool.rows(functions, documents) }?.kind == .deadline)
            await pool.warmUp(functions, #"{"time":0}"#)
            #expect(try await pool.rows(functions, [#"{"time":0}"#]) == [[["1=1"]]])
        }
    }

    @Test func `while one host is busy with a bad script the other serves`() async throws {
        try await withPool(hosts: 2, .impatient) { pool async throws in
            let bad = ScriptFunctions("function (doc) { while (true) {} }")
            let good = ScriptFunctions("function (doc) { emit(1, 1) }")
            _ = try await pool.rows(good, ["{}"])
            let stuck = Task { await scriptError { try await pool.rows(bad, ["{}"]) } }
            for _ in 0..<200 { #expect(try await pool.rows(good, ["{}"]) == [[["1=1"]]]) }
            #expect(await stuck.value?.kind == .timeLimit)
        }
    }
}

extension Result where Failure == any Error {
    init(_ body: () async throws -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}
