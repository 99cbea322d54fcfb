import ScriptEngine
import Testing

@Suite struct ScriptSyntaxTests {
    /// What is wrong with a text.
    private func fault(_ text: String, _ form: SyntaxForm) -> SyntaxFault? {
        ScriptMachine.forTests().makeContext().syntaxFault(in: text, as: form)
    }

    @Test(arguments: [
        ("a.b[0]?.c ?? 'd'", SyntaxForm.expression), ("{a: 1}", .expression), ("(x => x + 1)(2) // three", .expression),
        ("new.target", .expression), ("a\n  .map(b)\n", .expression),
        ("const user = 1; return user;", .statements), ("", .statements), ("if (a) { return }", .statements),
        ("function (doc) { emit(doc._id) }", .function), ("function (doc) { emit(doc._id) };\n", .function),
        ("doc => emit(doc._id)", .function), ("// maps\nfunction map(doc) {}", .function),
        ("const one = 1; (doc) => emit(one)", .function), ("(function (doc) {})", .function),
        ("exports.a = 1; return", .module), ("module.exports = require('./b') // end", .module),
    ])
    func `what runs is right`(_ text: String, _ form: SyntaxForm) {
        #expect(fault(text, form) == nil)
    }

    @Test(arguments: [
        ("a b", SyntaxForm.expression, 1), ("a +\n", .expression, 1), ("a(\n1,\n2", .expression, 3),
        ("[1,\n2;]", .expression, 2), ("return 1", .expression, 1), ("'a", .expression, 1),
        ("let a = 1;\nlet a = 2;", .statements, 2), ("if (a) {\n\n", .statements, 2), ("with (a) {}", .statements, 1),
        ("function (doc) {\n  emit(doc.;\n}", .function, 2), ("const a = 1;\ndoc => {\n  emit(a a)\n}", .function, 3),
        ("doc => {\n", .function, 1), ("exports.a = {\n  b: 1,\n  c 2\n}", .module, 3), ("if (a) {", .module, 1),
    ])
    func `what does not run is told with its line`(_ text: String, _ form: SyntaxForm, _ line: Int) throws {
        let found = try #require(self.fault(text, form))
        #expect(found.line == line, "\(found)")
        #expect(!found.message.isEmpty)
    }

    @Test(arguments: SyntaxForm.allCases)
    func `nothing is run`(_ form: SyntaxForm) {
        // Had one of them run, it would not end, or throw.
        #expect(fault("(() => { while (true); })()", form) == nil)
        #expect(fault("nothing.is.called.so()", form) == nil)
    }

    @Test(arguments: SyntaxForm.allCases)
    func `what is nested too deep is a fault`(_ form: SyntaxForm) throws {
        let text = String(repeating: "[", count: 200_000) + String(repeating: "]", count: 200_000)
        #expect(try #require(self.fault(text, form)).message.contains("call stack"))
    }
}
