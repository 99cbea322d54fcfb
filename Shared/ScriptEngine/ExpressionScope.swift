/// What the expressions of one sequence run see: named JSON values, in a context of their own.
///
/// Each value is frozen, all the way down, when it is bound, so an expression cannot change what the next one sees;
/// code is strict, so an attempt to is an error and not a silence. A value that is needed changed is copied by the
/// script (`items.slice().sort()`, `{...order, state: "done"}`).
package final class ExpressionScope {
    private let context: ScriptContext
    private let freeze: ScriptValue
    private let makeLibrary: ScriptValue
    private var values: [String: (version: Int, value: ScriptValue)] = [:]
    private var compiled: [CodeKey: ScriptValue] = [:]

    /// How many texts a scope keeps compiled; beyond it forgets them all and begins anew.
    private static let maximumCompiled = 500

    /// Code with the names that it sees.
    private struct CodeKey: Hashable {
        let code: ExpressionCode
        let names: [String]
    }

    /// An empty scope in a new context of the machine.
    package init(on machine: ScriptMachine) throws(ScriptException) {
        context = machine.makeContext()
        freeze = try context.evaluate(Self.prelude, name: "prelude")
        makeLibrary = try context.evaluate(ModulePrelude.source, name: "require")
    }

    private static let prelude = """
        (function () {
          "use strict";
          const { freeze } = Object;
          return function deepFreeze(value) {
            if (typeof value !== "object" || value === null) return value;
            for (const name in value) {
              const member = value[name];
              if (typeof member === "object") deepFreeze(member);
            }
            return freeze(value);
          };
        })()
        """

    /// Whether that version of the value of that name is bound.
    package func holds(_ name: String, version: Int) -> Bool {
        values[name]?.version == version
    }

    /// Binds a name to the value of a JSON text.
    ///
    /// - Throws: That the text is no JSON, or that freezing the value took too long.
    package func bind(_ name: String, version: Int, json: ArraySlice<UInt8>) throws(ScriptException) {
        guard let value = context.value(json: json) else {
            throw .unexpected("the value of \(name) is no JSON")
        }
        values[name] = (version, try freeze.call([value]))
    }

    /// Binds a name to the function by which code gets the modules of a library: a JSON object of their texts by name.
    ///
    /// A module is run when it is first asked for, and what it exports is frozen, all the way down.
    ///
    /// - Throws: That the text is no JSON, or one of the modules no JavaScript.
    package func bindModules(_ name: String, version: Int, json: ArraySlice<UInt8>) throws(ScriptException) {
        guard let texts = context.value(json: json), texts.kind == .object else {
            throw .unexpected("the value of \(name) is no JSON")
        }
        let library = try makeLibrary.call([texts])
        let (nameOf, textOf, add) = (
            try library.function("name"), try library.function("text"), try library.function("add")
        )
        for number in 0... {
            guard let index = context.value(json: "\(number)"), let module = try nameOf.call([index]).string else {
                break
            }
            let text = try textOf.call([index]).string?.text ?? ""
            // By the engine itself, so that errors name the module.
            let body = try context.evaluate(
                "(function (module, exports, require) {" + text + "\n})",
                name: "scripts/\(module.text).js"
            )
            _ = try add.call([index, body])
        }
        values[name] = (version, try library.function("require"))
    }

    /// Runs code that sees these names, and gives its value as JSON text.
    ///
    /// `undefined` becomes `null`, as do the numbers that are not finite. Members that are functions or symbols are
    /// left out, as `JSON.stringify` does.
    ///
    /// - Throws: What the code threw, that it does not compile, that it took too long, or that its value is a
    ///   function, a symbol, a big integer, or an object that contains itself.
    package func run(_ code: ExpressionCode, names: [String]) throws(ScriptException) -> ScriptString {
        let function = try compile(CodeKey(code: code, names: names))
        let result = try function.call(names.map { values[$0]?.value ?? context.undefined })
        switch result.kind {
        case .undefined: return ScriptString("null")
        case .function: throw .unexpected("the result is a function, which JSON cannot say")
        case .symbol: throw .unexpected("the result is a symbol, which JSON cannot say")
        case .bigInt: throw .unexpected("the result is a BigInt, which JSON cannot say; use Number() or String()")
        case .null, .boolean, .number, .string, .object: break
        }
        return try result.json() ?? ScriptString("null")
    }

    private func compile(_ key: CodeKey) throws(ScriptException) -> ScriptValue {
        if let function = compiled[key] { return function }
        let code = key.code
        let function = try context.evaluate(
            code.functionText(names: key.names),
            name: code.name,
            line: code.line - 1
        )
        if compiled.count >= Self.maximumCompiled { compiled.removeAll() }
        compiled[key] = function
        return function
    }
}

/// The text of an expression, or of statements, and where it stands.
package struct ExpressionCode: Hashable {
    /// What a text is.
    package enum Form: Hashable {
        /// One expression.
        case expression
        /// Statements that end with `return`.
        case statements
    }

    package let form: Form
    package let text: String
    /// What errors call the place.
    package let name: String
    /// The line in that place at which the text begins.
    package let line: Int

    package init(_ form: Form, _ text: String, name: String, line: Int) {
        self.form = form
        self.text = text
        self.name = name
        self.line = line
    }

    /// A function of the values of these names that does what the text says; the text begins on its second line.
    ///
    /// The names are constants of an outer function, so that the text may declare variables of the same names.
    func functionText(names: [String]) -> String {
        let constants = names.enumerated().map { "const \($1) = arguments[\($0)];" }.joined(separator: " ")
        let head = #"(function () { "use strict"; \#(constants) return (function () { "#
        switch form {
        case .expression: return head + "return (\n" + text + "\n)})() })"
        case .statements: return head + "\n" + text + "\n})() })"
        }
    }
}
