import ScriptEngine
import TestSupport
import Testing

@testable import Projects

/// What is seen of a design document's text without running it, against what the engine makes of it.
@Suite struct FunctionShapeTests {
    static let functions = [
        "function (doc) { emit(doc._id) }", "function (doc) { emit(doc._id) };\n", "function map(doc) {} // end",
        "// first\n/* and */ function (doc) {} ; ;", "(function (doc) {})", "((function (doc) {}));",
        "doc => emit(doc._id)",
        "(doc, req) => ({a: 1})", "doc => {\n  emit(doc)\n}\n", "async doc => 1", "async function (doc) {}",
        "function* (doc) {}", "class A {}", "const one = 1; (doc) => emit(one)", "var x = null; (function (doc) {})",
        "function help(doc) {}\n(function (doc) { help(doc) })", "function map(doc) {}\nfunction help() {}",
        "(function () { return function (doc) {} })()", "(() => doc => emit(doc))()", "1 ? (doc => 1) : null",
        "null || function (doc) {}", "f = function (doc) {}", "var f = doc => 1; f", "const f = {g: doc => 1}; f.g",
        "let [f] = [doc => 1]\nf", "new Function('doc', 'emit(doc)')", "sum", "1, doc => 2", "(1, doc => 2)",
        "if (true) { var f = doc => /}/.test(`${doc.a}{`) }\nf", "try { } catch { } finally { } (function (doc) {})",
        "do ; while (0) (function (doc) {})", "for (const a of []) ;\n(doc) => 1", "'use strict'; (function (doc) {})",
        "function (doc) {} // ' \" `", "function (doc) { return doc.a / 2 / 1 }", "function (doc) { return 1e+5 + .5 }",
        "doc => `a${`b${doc}`}c`", "this.f = doc => 1", "switch (1) { }\ndoc => 1", "label: (doc => 1)",
        "(doc => 1).bind(null)", "true && (doc => 1)", "doc => 1 /* é\u{2028} */", "function\n(doc)\n{\n}",
        "function\u{A0}(doc) {}", "\u{FEFF}function\u{3000}map(doc) {}", "async\u{2003}function (doc) {}",
        "let : doc => 1", "var let = doc => 1; let",
        "doc\u{202F}=>\u{1680}1", "const one = 1\u{2028}doc => one", "let a = /a/\u{2029}doc => 1",
    ]

    static let others: [(text: String, found: String)] = [
        ("emit(doc._id, null)", "a call of 'emit'"), ("42", "a value"), ("'function (doc) {}'", "a value"),
        ("{map: 1}", "a block or an object"), ("({map: function (doc) {}})", "an object"),
        ("[function (doc) {}]", "an array"),
        ("{map: function (doc) {}}", "a block or an object"), ("var map = function (doc) {}", "a declaration"),
        ("const map = doc => emit(doc._id);\n", "a declaration"), ("`${doc => 1}`", "a text"),
        ("module.exports = function (doc) {}", "an assignment to a member of 'module', which is not declared"),
        ("exports.map = doc => 1", "an assignment to a member of 'exports', which is not declared"),
        ("if (doc.type) emit(doc._id)", "the statement 'if'"),
        ("doc.type === 'order'", "a number, a text or a truth value"),
        ("doc.lines.forEach(line => emit(line))", "'doc', which is not declared"), ("true", "the value 'true'"),
        ("values.length", "'values', which is not declared"), ("sum(values)", "a call of 'sum'"),
        ("map(doc => 1)", "a call of 'map', which is not declared"), ("{\n  emit(1)\n}", "a block or an object"),
        ("throw {forbidden: 'no'}", "the statement 'throw'"), ("null", "the value 'null'"),
        ("!function () {}", "a number, a text or a truth value"),
        ("function map(doc) {}\nemit(1, 1)", "a call of 'emit'"),
        ("for (const a of [1]) { log(a) }", "the statement 'for'"),
        ("var\u{A0}map = function (doc) {}", "a declaration"), ("true\u{FEFF}", "the value 'true'"),
        ("x = 1", "a value"), ("typeof function () {}", "a number, a text or a truth value"), ("1, 2", "a value"),
    ]

    @Test(arguments: functions)
    func `what is a function is none that is refused`(_ text: String) {
        #expect(isFunction(text), "the engine takes it")
        #expect(FunctionShape.fault(in: text) == nil)
    }

    @Test(arguments: others)
    func `what is none is called by what it is`(_ text: String, _ found: String) {
        #expect(!isFunction(text), "the engine refuses it")
        #expect(FunctionShape.fault(in: text)?.found == found)
    }

    @Test func `the line is that of what there is instead`() {
        #expect(FunctionShape.fault(in: "// a\nconst a = `\n\n`;\n\n  emit(a)\n")?.line == 6)
        #expect(FunctionShape.fault(in: "/*\n*/ ({\n  a: 1\n})")?.line == 2)
    }

    @Test func `what is nested deeply is left to the engine`() {
        for (open, close) in [("(", ")"), ("1 ? ", " : 1"), ("if (1) ", ""), ("a = ", "")] {
            let text = String(repeating: open, count: 5_000) + "1" + String(repeating: close, count: 5_000)
            #expect(FunctionShape.fault(in: text) == nil)
        }
    }

    @Test func `no text that the engine takes for a function is refused`() {
        let pieces = [
            "function (doc) {}", "function f(doc) {}", "doc => 1", "doc => {}", "(", ")", "[", "]", ";", "\n",
            ",", "=", "var", "let", "f", "g", "1", "'a'", "`a`", "`${f}`", "/a/", "/", "?", ":", "||", "+", "!", ".a",
            "()", "(1)", "async", "class A {}", "new", "typeof", "({a: 1})", "// c\n", "/* d */",
            "emit",
        ]
        var random = SeededGenerator.announced()
        var (refused, taken) = (0, 0)
        for _ in 0..<1_500 {
            let text = (0..<Int.random(in: 1...6, using: &random))
                .compactMap { _ in pieces.randomElement(using: &random) }.joined(separator: " ")
            let context = ScriptMachine.forTests().makeContext()
            guard context.syntaxFault(in: text, as: .function) == nil else { continue }
            guard FunctionShape.fault(in: text) != nil else {
                taken += 1
                continue
            }
            refused += 1
            #expect(!isFunction(text), "\(text)")
        }
        #expect(refused > 50 && taken > 20)
    }

    /// Whether the engine finds a function when it runs the text.
    private func isFunction(_ text: String) -> Bool {
        (try? FunctionEnvironment(functions: [("f", text)], library: [], on: .forTests())) != nil
    }
}

extension ScriptMachine {
    fileprivate static func forTests() -> ScriptMachine { ScriptMachine(callTime: .seconds(60)) }
}
