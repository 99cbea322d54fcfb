import ScriptEngine
import Testing

@Suite struct FunctionEnvironmentTests {
    @Test(arguments: [
        "function (doc) { emit(doc._id, null); }", "function(doc){emit(doc._id, null)};",
        "function map(doc) { emit(doc._id, null) }",
        "(function (doc) { emit(doc._id, null) })", "(function (doc) { emit(doc._id, null) });\n",
        "// comment\nfunction (doc) { emit(doc._id, null) } // comment",
        "/* a */ function (doc) { emit(doc._id, null) } /* b */ ; ;",
        "doc => emit(doc._id, null)", "(doc) => { emit(doc._id, null) };",
        "function help(doc) { emit(doc._id, null) }\n(function (doc) { help(doc) })",
        "var x = null; (function (doc) { emit(doc._id, x) })", "\n\n  function (doc) {\n emit(doc._id, null)\n}\n\n",
        "function (doc) { for (var i in doc) if (i == '_id') emit(doc[i], arguments.callee ? null : 1) }",
        "function (doc) { undeclared = doc._id; emit(undeclared, null) }", "function (doc) { emit(doc._id) }",
        "function (doc) { with (doc) { emit(_id, undefined) } }",
    ])
    func `a function may be written in any of these ways`(_ text: String) throws {
        #expect(try map(text, #"{"_id":"a"}"#) == "1\n\"a\"\nnull\n")
    }

    @Test func `a map written for CouchDB 1 runs unchanged`() throws {
        let text = """
            function(doc) {
              if (doc.type != "post") return;
              var words = {};
              doc.text.toLowerCase().split(/\\W+/).map(function(w) { if (w.length > 3) words[w] = true; });
              for (var w in words) emit([w, new Date(doc.created)], { _id: doc._id, n: sum([1, 2, 3]), a: isArray([]) });
              log("done"); log(doc);
            }
            """
        let rows = try map(
            text,
            #"{"_id":"a","type":"post","text":"Some words, some more","created":"2020-01-02T03:04:05Z"}"#
        )
        #expect(
            rows == """
                3
                ["some","2020-01-02T03:04:05.000Z"]
                {"_id":"a","n":6,"a":true}
                ["words","2020-01-02T03:04:05.000Z"]
                {"_id":"a","n":6,"a":true}
                ["more","2020-01-02T03:04:05.000Z"]
                {"_id":"a","n":6,"a":true}

                """
        )
        #expect(try map(text, #"{"_id":"b"}"#) == "0\n")
    }

    @Test func `what is no function does not compile, and says where`() throws {
        let machine = ScriptMachine.forTests()
        func error(_ text: String) -> FunctionEnvironment.CompilationError? {
            #expect(throws: FunctionEnvironment.CompilationError.self) {
                try FunctionEnvironment(
                    functions: [("good", "function () {}"), ("bad", text)],
                    library: [],
                    on: machine
                )
            }
        }
        let syntax = error("function (doc) {\n  emit(doc.a,, 1);\n}")
        #expect(syntax?.function == 1)
        #expect(syntax?.exception.cause == .syntax)
        #expect(syntax?.exception.line == 2)
        #expect(syntax?.exception.source == "bad")
        #expect(error("function (doc) {")?.exception.cause == .syntax)
        #expect(error("42")?.exception.message == "the text is no function")
        #expect(error("")?.exception.cause == .syntax)
        #expect(error("nobody")?.exception.name == "ReferenceError")
    }

    @Test func `what a map throws is told with its place`() throws {
        let environment = try FunctionEnvironment(
            functions: [("m", "function (doc) {\n  emit(doc.a.b, 1);\n}")],
            library: [],
            on: .forTests()
        )
        let error = #expect(throws: ScriptException.self) {
            try environment.map(0, environment.document(ScriptString("{}")))
        }
        #expect(error?.name == "TypeError")
        #expect(error?.line == 2)
        #expect(error?.source == "m")
        #expect(try environment.map(0, environment.document(ScriptString(#"{"a":{"b":7}}"#))).text == "1\n7\n1\n")
    }

    @Test func `a key or value that JSON cannot say becomes null, and a circle fails`() throws {
        #expect(
            try map("function (d) { emit(function () {}, NaN); emit(undefined, Symbol('x')) }", "{}")
                == "2\nnull\nnull\nnull\nnull\n"
        )
        #expect(throws: ScriptException.self) { try map("function (d) { d.d = d; emit(d, 1) }", "{}") }
        #expect(throws: ScriptException.self) {
            try map("function (d) { emit({toJSON: function () { emit(1, 1) }}, 1) }", "{}")
        }
        #expect(
            try map(#"function (d) { emit("a\nb", "\u0000\ud800") }"#, "{}") == "1\n\"a\\nb\"\n\"\\u0000\\ud800\"\n"
        )
    }

    @Test func `the tools cannot be replaced by one function for another`() throws {
        let environment = try FunctionEnvironment(
            functions: [
                (
                    "bad",
                    "function (d) { emit = null; log = null; sum = function () { return 0 }; JSON.stringify = null; emit(1, 2) }"
                ),
                ("good", "function (d) { emit(sum([1, 2]), toJSON([1])) }"),
            ],
            library: [],
            on: .forTests()
        )
        let document = ScriptString("{}")
        #expect(try environment.map(0, environment.document(document)).text == "1\n1\n2\n")
        #expect(try environment.map(1, environment.document(document)).text == "1\n3\n\"[1]\"\n")
    }

    @Test func `emit outside of a map is an error`() throws {
        let environment = try FunctionEnvironment(
            functions: [("f", "function (doc, req) { if (req.emit) emit(1, 1); return doc.a == req.query.a }")],
            library: [],
            on: .forTests()
        )
        func filter(_ doc: String, _ request: String) throws -> Bool {
            let request = try #require(environment.value(Array(request.utf8)[...]))
            return try environment.filter(0, environment.document(ScriptString(doc)), request: request)
        }
        #expect(try filter(#"{"a":1}"#, #"{"query":{"a":"1"}}"#))
        #expect(try filter(#"{"a":2}"#, #"{"query":{"a":"1"}}"#) == false)
        #expect(throws: ScriptException.self) { try filter("{}", #"{"emit":true}"#) }
    }

    @Test func `a reduce gets rows or reductions, and gives JSON`() throws {
        let environment = try FunctionEnvironment(
            functions: [("r", "function (keys, values, rereduce) { return [keys && keys[0], sum(values), rereduce] }")],
            library: [],
            on: .forTests()
        )
        func reduce(_ keys: String?, _ values: String) throws -> String {
            try environment.reduce(0, keys: keys.map { Array($0.utf8)[...] }, values: Array(values.utf8)[...]).text
        }
        #expect(try reduce(#"[["k","a"]]"#, "[1]") == #"[["k","a"],1,false]"#)
        #expect(try reduce(nil, "[1,2]") == "[null,3,true]")
        #expect(throws: ScriptException.self) { try reduce("[", "[]") }
    }

    @Test func `what functions log is kept, within limits`() throws {
        let environment = try FunctionEnvironment(
            functions: [
                ("f", "function (doc) { for (var i = 0; i < 1000; i++) log(i ? {i: i} : 'first ' + Array(5000)) }")
            ],
            library: [],
            on: .forTests()
        )
        _ = try environment.map(0, environment.document(ScriptString("{}")))
        let log = environment.takeLog()
        #expect(log.hasPrefix("[\"first ,,,"))
        #expect(log.hasSuffix("\"{\\\"i\\\":19}\"]"))
        #expect(log.utf8.count < 2_000)
        #expect(environment.takeLog() == "")
    }

    @Test func `modules are found, run once, and see one another`() throws {
        let library = #"""
            {"views": {"lib": {
              "a": "exports.name = 'a'; exports.b = require('./b').name; exports.runs = (exports.runs || 0) + 1;",
              "b": "exports.name = 'b'; exports.a = require('views/lib/a'); exports.up = require('../lib/c');",
              "c": "module.exports = function (x) { return x * 2 }",
              "bad": "exports.x = ;",
              "throws": "throw new Error('no')",
              "deep": {"er": {"d": "exports.twice = require('../../c'); exports.id = module.id"}}
            }}}
            """#
        func run(_ body: String) throws -> String {
            try map("function (doc) { \(body) }", "{}", library: library)
        }
        #expect(
            try run("var a = require('views/lib/a'); emit([a.name, a.b, a.runs], require('views/lib/a') === a)")
                == "1\n[\"a\",\"b\",1]\ntrue\n"
        )
        #expect(try run("emit(require('views/lib/b').a.name, require('views/lib/b').up(4))") == "1\n\"a\"\n8\n")
        #expect(
            try run("emit(require('views/lib/deep/er/d').twice(3), require('views/lib/deep/er/d').id)")
                == "1\n6\n\"views/lib/deep/er/d\"\n"
        )
        for path in ["views/lib/none", "views/lib", "none", "../x", "./x", "", "views/lib/a/b/c", "__proto__/x"] {
            let error = #expect(throws: ScriptException.self) { try run("require('\(path)')") }
            #expect(error?.name == "invalid_require_path", "\(path)")
        }
        #expect(throws: ScriptException.self) { try run("require('views/lib/bad')") }
        #expect(throws: ScriptException.self) { try run("require('views/lib/throws')") }
    }

    @Test func `a library that is no object is refused`() {
        #expect(throws: FunctionEnvironment.CompilationError.self) {
            try FunctionEnvironment(
                functions: [("f", "function () {}")],
                library: Array("[".utf8)[...],
                on: .forTests()
            )
        }
    }

    private func map(_ text: String, _ document: String, library: String = "") throws -> String {
        let environment = try FunctionEnvironment(
            functions: [("map", text)],
            library: Array(library.utf8)[...],
            on: .forTests()
        )
        return try environment.map(0, environment.document(ScriptString(document))).text
    }
}
