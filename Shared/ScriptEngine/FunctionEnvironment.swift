/// The functions of one design document, compiled in a context of their own, as CouchDB's query server runs them.
///
/// A function's text is an expression (`function (doc) { … }`, an arrow function, with or without a name, comments or
/// semicolons around it) or a script whose last expression is a function. `emit`, `log`, `sum`, `isArray`, `toJSON`
/// and `require` stand in the global object and cannot be replaced. Each function gets a document of its own, so what
/// it does to its argument no other function sees.
package struct FunctionEnvironment {
    private let context: ScriptContext
    private let functions: [ScriptValue]
    private let mapCall: ScriptValue
    private let reduceCall: ScriptValue
    private let filterCall: ScriptValue
    private let takeLogCall: ScriptValue

    /// Why functions could not be compiled, and which of them.
    package struct CompilationError: Error {
        /// The index of the function, or nil when the library is at fault.
        package let function: Int?
        package let exception: ScriptException
    }

    /// Compiles functions in a new context of the machine.
    ///
    /// - Parameters:
    ///   - functions: The name and the text of each.
    ///   - library: A JSON object, the root of what `require` finds; empty for none.
    ///   - machine: Where they are to run.
    package init(
        functions: [(name: String, text: String)],
        library: ArraySlice<UInt8>,
        on machine: ScriptMachine
    ) throws(CompilationError) {
        context = machine.makeContext()
        do throws(ScriptException) {
            let prelude = try context.evaluate(FunctionPrelude.source, name: "prelude")
            let root = library.isEmpty ? context.value(json: "{}") : context.value(json: library)
            guard let root, root.kind == .object else {
                throw ScriptException.unexpected("the library is no JSON object")
            }
            let calls = try prelude.call([root])
            mapCall = try calls.function("map")
            reduceCall = try calls.function("reduce")
            filterCall = try calls.function("filter")
            takeLogCall = try calls.function("takeLog")
        } catch {
            throw CompilationError(function: nil, exception: error)
        }
        var compiled: [ScriptValue] = []
        for (index, function) in functions.enumerated() {
            do throws(ScriptException) {
                compiled.append(try Self.compile(function.text, name: function.name, in: context))
            } catch {
                throw CompilationError(function: index, exception: error)
            }
        }
        self.functions = compiled
    }

    /// A document for one call of one function.
    ///
    /// - Throws: That the text is no JSON.
    package func document(_ json: ScriptString) throws(ScriptException) -> ScriptValue {
        guard let document = context.value(json: json) else { throw .unexpected("the document is no JSON") }
        return document
    }

    /// Any value, shared by all calls that it is given to; nil when the text is no JSON.
    package func value(_ json: ArraySlice<UInt8>) -> ScriptValue? {
        context.value(json: json)
    }

    /// Calls a map function with a document.
    ///
    /// - Returns: How many rows it emitted, and then the JSON texts of each row's key and value, each on a line of its
    ///   own and ended by a line feed, which no compact JSON text contains.
    package func map(_ function: Int, _ document: ScriptValue) throws(ScriptException) -> ScriptString {
        guard let text = try mapCall.call([functions[function], document]).string else {
            throw .unexpected("the rows are no text")
        }
        return text
    }

    /// Calls a reduce function.
    ///
    /// - Parameters:
    ///   - function: Its index.
    ///   - keys: The JSON text of an array of pairs of a key and a document's identifier; nil to reduce reductions.
    ///   - values: The JSON text of an array: the values of the rows, or reductions of the same function.
    /// - Returns: The JSON text of the reduction.
    package func reduce(
        _ function: Int,
        keys: ArraySlice<UInt8>?,
        values: ArraySlice<UInt8>
    ) throws(ScriptException) -> ScriptString {
        guard let rows = context.value(json: keys ?? Array("null".utf8)[...]), let values = context.value(json: values),
            let isRereduce = context.value(json: keys == nil ? "true" : "false")
        else { throw .unexpected("the rows are no JSON") }
        guard let text = try reduceCall.call([functions[function], rows, values, isRereduce]).string else {
            throw .unexpected("the reduction is no text")
        }
        return text
    }

    /// Calls a filter function with a document and a request, and says whether the document passes.
    package func filter(
        _ function: Int,
        _ document: ScriptValue,
        request: ScriptValue
    ) throws(ScriptException) -> Bool {
        try filterCall.call([functions[function], document, request]).isTrue
    }

    /// What the functions logged since the last time, as a JSON array of strings; empty for nothing.
    package func takeLog() -> String {
        let text = try? takeLogCall.call([]).string
        return text?.text ?? ""
    }

    /// The function that a text means.
    private static func compile(
        _ text: String,
        name: String,
        in context: ScriptContext
    ) throws(ScriptException) -> ScriptValue {
        // A script whose last expression is a function. Most texts are none: `function (doc) …` is no statement, and
        // the value of a declaration is `undefined`.
        do throws(ScriptException) {
            let value = try context.evaluate(text, name: name)
            if value.kind == .function { return value }
        } catch  where error.cause == .timeLimit {
            throw error
        } catch {}
        // An expression. The comma makes it one without brackets, which a semicolon at its end would break.
        let value: ScriptValue
        do throws(ScriptException) {
            value = try context.evaluate("0," + text, name: name)
        } catch {
            throw error.movedLeft(on: 1, by: 2)
        }
        guard value.kind == .function else { throw .unexpected("the text is no function") }
        return value
    }
}
