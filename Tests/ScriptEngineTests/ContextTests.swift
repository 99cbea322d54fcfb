import ScriptEngine
import Testing

@Suite struct ContextTests {
    @Test func `a script's value is that of its last expression`() throws {
        let context = ScriptMachine.forTests().makeContext()
        #expect(try context.evaluate("var a = 20; a + 1; a * 2.1").number == 42)
        #expect(try context.evaluate("var b = 1").kind == .undefined)
        #expect(try context.evaluate("null").kind == .null)
        #expect(try context.evaluate("10n").kind == .bigInt)
        #expect(try context.evaluate("Symbol('s')").kind == .symbol)
        #expect(try context.evaluate("(function () {})").kind == .function)
        #expect(try context.evaluate("'text'").string?.text == "text")
        #expect(try context.evaluate("'' || 0").isTrue == false)
    }

    @Test(arguments: [
        #"{"a":[1,2.5,-3e-7,true,false,null,"é😀\u0000"]}"#, #"["\ud800","\udc00x","x\ud83d"]"#, #""\u2028\u2029""#,
        "[]",
        "{}", #"{"__proto__":1,"constructor":2,"toString":3}"#, "[[[[[[[[[[]]]]]]]]]]",
    ])
    func `JSON goes in and comes out`(_ json: String) throws {
        let context = ScriptMachine.forTests().makeContext()
        let text = try #require(try context.value(json: json)?.json()).text
        let again = try #require(try context.value(json: text)?.json()).text
        #expect(text == again)
        let identity = try context.evaluate("(function (a, b) { return JSON.stringify(JSON.parse(a)) === b; })")
        #expect(try identity.call([context.value(string: json), context.value(string: text)]).isTrue)
    }

    @Test(arguments: ["", "{", "nul", "[1,]", "{'a':1}", "01", "\"\u{1}\"", "1 2"])
    func `what is no JSON gives no value`(_ text: String) {
        #expect(ScriptMachine.forTests().makeContext().value(json: text) == nil)
    }

    @Test func `bytes that are not UTF-8 give no value`() {
        let bytes: [UInt8] = [0x22, 0xC3, 0x28, 0x22]
        #expect(ScriptMachine.forTests().makeContext().value(json: bytes[...]) == nil)
    }

    @Test func `whole numbers are exact up to 2 to the 53rd and rounded to doubles beyond`() throws {
        let context = ScriptMachine.forTests().makeContext()
        func through(_ json: String) throws -> String? { try context.value(json: json)?.json()?.text }
        #expect(try through("9007199254740991") == "9007199254740991")
        #expect(try through("9007199254740993") == "9007199254740992")
        #expect(try through("1e400") == "null")
        #expect(try through("0.1") == "0.1")
    }

    @Test func `a syntax error has its line and column`() throws {
        let context = ScriptMachine.forTests().makeContext()
        let error = #expect(throws: ScriptException.self) {
            try context.evaluate("var a = 1;\nvar b = ;\n", name: "orders", line: 10)
        }
        #expect(error?.cause == .syntax)
        #expect(error?.line == 11)
        #expect(error?.source == "orders")
    }

    @Test func `an exception has its name, message, line and column`() throws {
        let context = ScriptMachine.forTests().makeContext()
        let error = #expect(throws: ScriptException.self) {
            try context.evaluate("\n\n  null.x", name: "orders")
        }
        #expect(error?.cause == .thrown)
        #expect(error?.name == "TypeError")
        #expect(error?.message.contains("null") == true)
        #expect(error?.line == 3)
        #expect((error?.column ?? 0) > 2)
        #expect(error?.source == "orders")
    }

    @Test(arguments: [
        ("throw 'no'", "no"), ("throw {forbidden: 'no'}", #"{"forbidden":"no"}"#), ("throw 7", "7"),
        ("throw undefined", "a value that JSON cannot say was thrown"),
        ("var o = {}; o.o = o; throw o", "a value that JSON cannot say was thrown"),
    ])
    func `what is thrown and is no error is described`(_ script: String, _ message: String) throws {
        let context = ScriptMachine.forTests().makeContext()
        let error = #expect(throws: ScriptException.self) { try context.evaluate(script) }
        #expect(error?.message == message)
        #expect(error?.line == nil)
    }

    @Test(arguments: [
        "while (true) {}", "try { while (true) {} } catch (e) { while (true) {} }",
        "for (;;) { try { while (true) {} } finally { continue } }", "(function f() { for (;;) f.x = f })()",
        "JSON.stringify({toJSON: function () { for (;;); }})", "[3, 2, 1].sort(function () { for (;;); })",
    ])
    func `a script that does not end is ended, and its context works on`(_ script: String) throws {
        let context = ScriptMachine(callTime: .milliseconds(50)).makeContext()
        let error = #expect(throws: ScriptException.self) { try context.evaluate(script) }
        #expect(error?.cause == .timeLimit)
        #expect(try context.evaluate("1 + 1").number == 2)
        #expect(throws: ScriptException.self) { try context.evaluate(script) }
    }

    @Test func `each call has the whole time limit for itself`() throws {
        let context = ScriptMachine(callTime: .milliseconds(400)).makeContext()
        let body = "(function () { var end = Date.now() + 100; while (Date.now() < end); return 1; })"
        let function = try context.evaluate(body)
        for _ in 0..<8 { #expect(try function.call([]).number == 1) }
    }

    @Test func `a script cannot pretend to have been ended by the time limit`() throws {
        let context = ScriptMachine.forTests().makeContext()
        let error = #expect(throws: ScriptException.self) {
            try context.evaluate("throw 'JavaScript execution terminated.'")
        }
        #expect(error?.cause == .thrown)
    }

    @Test func `endless recursion is an exception`() throws {
        let context = ScriptMachine.forTests().makeContext()
        let error = #expect(throws: ScriptException.self) {
            try context.evaluate("(function f() { return f() + 1; })()")
        }
        #expect(error?.name == "RangeError")
    }

    @Test func `nothing outside the language is there`() throws {
        let context = ScriptMachine.forTests().makeContext()
        let names =
            ScriptContext.removedGlobals + [
                "print", "setTimeout", "setInterval", "fetch", "XMLHttpRequest", "process", "require", "load", "gc",
                "readFile", "importScripts", "Worker", "$vm", "document", "window", "navigator", "imports",
            ]
        for name in names { #expect(try context.evaluate("typeof \(name)").string?.text == "undefined", "\(name)") }
    }

    @Test func `contexts of one machine share no built-in objects`() throws {
        let machine = ScriptMachine.forTests()
        let first = machine.makeContext()
        let second = machine.makeContext()
        _ = try first.evaluate("Array.prototype.map = null; Object.prototype.bad = 1; JSON.stringify = null; bad = 1")
        #expect(
            try second.evaluate("[1].map(function (x) { return x })[0] + typeof ({}).bad").string?.text == "1undefined"
        )
        #expect(try second.evaluate("JSON.stringify([1])").string?.text == "[1]")
    }

    @Test func `a getter that throws is no member, and one that loops is ended`() throws {
        let context = ScriptMachine(callTime: .milliseconds(50)).makeContext()
        #expect(try context.evaluate("({get a() { throw 1 }})").member("a") == nil)
        #expect(try context.evaluate("({get a() { for (;;); }})").member("a") == nil)
        #expect(try context.evaluate("({a: 1})").member("a")?.number == 1)
    }
}

extension ScriptMachine {
    /// A machine whose scripts are not expected to be ended.
    static func forTests() -> ScriptMachine { ScriptMachine(callTime: .seconds(20)) }
}
