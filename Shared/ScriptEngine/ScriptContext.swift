import CJavaScriptCore

/// One global object with its own built-in objects: what one script does to them, a script in another context never
/// sees.
///
/// The context has what ECMAScript defines and nothing else: no input or output, no timers, no modules, and not those
/// parts of the language that reach for threads or machine code (see ``ScriptContext/removedGlobals``). The
/// corresponding C type is `JSGlobalContextRef`.
package final class ScriptContext {
    let reference: JSGlobalContextRef?
    let machine: ScriptMachine

    /// The members of the global object that a new context loses.
    ///
    /// `Atomics.wait` would stop the thread, shared memory and WebAssembly widen what can go wrong, weak references
    /// make results depend on the garbage collector, and `console` writes to the process's output.
    package static let removedGlobals = [
        "Atomics", "SharedArrayBuffer", "WebAssembly", "WeakRef", "FinalizationRegistry", "console",
    ]

    init(machine: ScriptMachine) {
        self.machine = machine
        reference = JSGlobalContextCreateInGroup(machine.group, nil)
        JSGlobalContextSetInspectable(reference, false)
        let global = JSContextGetGlobalObject(reference)
        for name in Self.removedGlobals {
            let name = ScriptString(name)
            JSObjectDeleteProperty(reference, global, name.reference, nil)
        }
    }

    deinit {
        JSGlobalContextRelease(reference)
    }

    /// Runs a script and gives its completion value.
    ///
    /// - Parameters:
    ///   - source: The text of the script.
    ///   - name: What errors call the script.
    ///   - line: The number that its first line has in errors.
    /// - Returns: The value of the last expression statement, or `undefined`.
    /// - Throws: What the script threw, or that it does not compile, or that it took too long.
    package func evaluate(
        _ source: String,
        name: String = "",
        line: Int = 1
    ) throws(ScriptException) -> ScriptValue {
        let source = ScriptString(source)
        let name = ScriptString(name)
        return try enter { exception in
            JSEvaluateScript(reference, source.reference, nil, name.reference, Int32(clamping: line), exception)
        }
    }

    /// The value that a JSON text says, or nil when the text is no JSON.
    package func value(json: String) -> ScriptValue? {
        value(json: ScriptString(json))
    }

    /// The value that a JSON text in UTF-8 says, or nil when the text is no JSON.
    package func value(json: ArraySlice<UInt8>) -> ScriptValue? {
        value(json: ScriptString(utf8: json))
    }

    /// The value that a JSON text says, or nil when the text is no JSON.
    package func value(json: ScriptString) -> ScriptValue? {
        guard let value = JSValueMakeFromJSONString(reference, json.reference) else { return nil }
        return ScriptValue(adopting: value, in: self)
    }

    /// A JavaScript string.
    package func value(string: String) -> ScriptValue {
        value(string: ScriptString(string))
    }

    /// A JavaScript string.
    package func value(string: ScriptString) -> ScriptValue {
        ScriptValue(adopting: JSValueMakeString(reference, string.reference), in: self)
    }

    /// The value `undefined`.
    package var undefined: ScriptValue {
        ScriptValue(adopting: JSValueMakeUndefined(reference), in: self)
    }

    /// Makes one entry into JavaScript and turns what it threw into a Swift error.
    func enter(
        _ body: (UnsafeMutablePointer<JSValueRef?>) -> JSValueRef?
    ) throws(ScriptException) -> ScriptValue {
        machine.hasTimedOut = false
        var exception: JSValueRef?
        let result = body(&exception)
        if machine.hasTimedOut {
            machine.hasTimedOut = false
            throw .timeLimit
        }
        if let exception {
            throw ScriptException(describing: ScriptValue(adopting: exception, in: self))
        }
        return ScriptValue(adopting: result, in: self)
    }
}
