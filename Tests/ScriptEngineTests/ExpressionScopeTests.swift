import ScriptEngine
import Testing

@Suite struct ExpressionScopeTests {
    @Test(arguments: [
        ("order.lines.length + 1", "3"), ("order.lines.map(l => l * 2)", "[2,4]"), ("undefined", "null"),
        ("0 / 0", "null"),
        ("({...order, state: 'done'})", #"{"lines":[1,2],"state":"done"}"#), ("'a' + order.missing", "\"aundefined\""),
        ("new Date(0)", "\"1970-01-01T00:00:00.000Z\""), ("[undefined, function () {}]", "[null,null]"),
        ("order // comment", #"{"lines":[1,2]}"#), ("typeof this", "\"undefined\""),
        ("'\\ud800\\u0000'", "\"\\ud800\\u0000\""),
        ("order.lines.slice().sort((a, b) => b - a)", "[2,1]"), ("/* a */ 1", "1"), ("Date", nil), ("Symbol()", nil),
        ("10n", nil),
        ("(() => { const o = {}; o.o = o; return o })()", nil), ("order.lines.push(3)", nil),
        ("order.lines[0] = 9", nil),
        ("order = 1", nil), ("order++", nil), ("(() => { let order = 7; return order })()", "7"), ("nobody", nil),
        ("global = 1", nil), ("delete order.lines", nil), ("a b", nil), ("", nil),
    ])
    func `an expression has this value, or none`(_ text: String, _ expected: String?) throws {
        let scope = try scope(["order": #"{"lines":[1,2]}"#])
        let code = ExpressionCode(.expression, text, name: "step", line: 1)
        guard let expected else {
            #expect(throws: ScriptException.self) { try scope.run(code, names: ["order"]) }
            return
        }
        #expect(try scope.run(code, names: ["order"]).text == expected)
        #expect(try scope.run(code, names: ["order"]).text == expected)
    }

    @Test func `statements return their value`() throws {
        let scope = try scope(["n": "3"])
        func run(_ text: String) throws -> String {
            try scope.run(ExpressionCode(.statements, text, name: "step", line: 1), names: ["n"]).text
        }
        #expect(try run("let s = 0; for (let i = 0; i < n; i++) s += i; return s;") == "3")
        #expect(try run("// nothing") == "null")
        #expect(throws: ScriptException.self) { try run("return n = 4") }
        #expect(try run("let n = 4; n++; return n") == "5")
        #expect(try run("var n; return n") == "null")
        #expect(throws: ScriptException.self) { try run("var eval = 1") }
    }

    @Test func `an error is told with the line of the file`() throws {
        let scope = try scope([:])
        func error(_ form: ExpressionCode.Form, _ text: String) -> ScriptException? {
            #expect(throws: ScriptException.self) {
                try scope.run(ExpressionCode(form, text, name: "orders.yaml", line: 40), names: [])
            }
        }
        #expect(error(.expression, "1 +\n  nobody")?.line == 41)
        #expect(error(.expression, "nobody")?.line == 40)
        #expect(error(.expression, "1 + + ;")?.line == 40)
        #expect(error(.expression, "1 + + ;")?.cause == .syntax)
        #expect(error(.statements, "var a;\nvar b;\na.b.c")?.line == 42)
        #expect(error(.statements, "var a;\nvar b = ;")?.line == 41)
        #expect(error(.statements, "var a;\nvar b = ;")?.source == "orders.yaml")
    }

    @Test func `a new version takes the place of the old one, and what is not kept is gone`() throws {
        let scope = try scope(["a": "1", "b": "2"])
        #expect(scope.holds("a", version: 1))
        try scope.bind("a", version: 2, json: Array("10".utf8)[...])
        #expect(!scope.holds("a", version: 1))
        let code = ExpressionCode(.expression, "a + b", name: "step", line: 1)
        #expect(try scope.run(code, names: ["a", "b"]).text == "12")
        #expect(throws: ScriptException.self) { try scope.bind("c", version: 1, json: Array("{".utf8)[...]) }
    }

    @Test func `a name may be one of the language's own objects`() throws {
        let scope = try scope(["Date": "1", "JSON": "2", "Object": "3", "undefined": "4"])
        let code = ExpressionCode(.expression, "Date + JSON + Object", name: "step", line: 1)
        #expect(try scope.run(code, names: ["Date", "JSON", "Object"]).text == "6")
    }

    @Test func `values nested as deep as JSON may be are frozen`() throws {
        let deep = String(repeating: "[", count: 1_000) + String(repeating: "]", count: 1_000)
        let scope = try scope(["a": deep])
        let text =
            "let depth = 0; for (let x = a; x; x = x[0]) { if (!Object.isFrozen(x)) return -1; depth++ } return depth"
        #expect(try scope.run(ExpressionCode(.statements, text, name: "", line: 1), names: ["a"]).text == "1000")
    }

    @Test func `what modules export is frozen all the way down, also behind what they froze themselves`() throws {
        let scope = try ExpressionScope(on: .forTests())
        let modules = #"""
            {
              "tax": "exports.rates = Object.freeze({de: [1]}); exports.bytes = new Uint8Array(2); \#
            for (let i = 0; i < 100000; i++) exports.deep = {in: exports.deep};",
              "outer": "exports.inner = require('inner'); throw new Error('no');",
              "inner": "exports.list = [1];",
              "careful": "try { require('outer') } catch { exports.caught = true; }",
              "a": "exports.b = require('b'); exports.list = [1];",
              "b": "exports.a = require('a');",
              "half": "require('ring'); exports.whole = true; throw new Error('no');",
              "ring": "exports.half = require('half');",
              "patient": "try { require('half') } catch {} \#
            try { require('ring'); exports.got = true } catch { exports.got = false }"
            }
            """#
        try scope.bindModules("require", version: 1, json: Array(modules.utf8)[...])
        func run(_ text: String) throws -> String {
            try scope.run(ExpressionCode(.expression, text, name: "step", line: 1), names: ["require"]).text
        }
        // The first time as well as later.
        for _ in 0..<2 {
            #expect(try run("require('tax').bytes.length") == "2")
            #expect(throws: ScriptException.self) { try run("require('tax').rates.de.push(2)") }
            #expect(try run("Object.isFrozen(require('tax').deep.in.in)") == "true")
            #expect(throws: ScriptException.self) { try run("require('outer')") }
            #expect(throws: ScriptException.self) { try run("require('inner').list.push(2)") }
            #expect(try run("require('inner').list") == "[1]")
            #expect(try run("require('careful').caught") == "true")
            // What stood in a circle with one that failed is not there either.
            #expect(try run("require('patient').got") == "false")
            #expect(throws: ScriptException.self) { try run("require('ring')") }
            #expect(try run("require('b').a.b === require('b')") == "true")
            #expect(throws: ScriptException.self) { try run("require('b').a.list.push(2)") }
            #expect(try run("require('a').list") == "[1]")
        }
    }

    private func scope(_ values: [String: String]) throws -> ExpressionScope {
        let scope = try ExpressionScope(on: .forTests())
        for (name, json) in values { try scope.bind(name, version: 1, json: Array(json.utf8)[...]) }
        return scope
    }
}
