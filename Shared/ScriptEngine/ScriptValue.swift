import CJavaScriptCore

/// A JavaScript value that is kept alive as long as this handle is.
///
/// The corresponding C type is `JSValueRef`, with `JSValueProtect` and `JSValueUnprotect`.
package final class ScriptValue {
    /// The types that JavaScript tells apart by `typeof`, and `null`.
    package enum Kind: Sendable {
        case undefined
        case null
        case boolean
        case number
        case string
        case symbol
        case bigInt
        case function
        case object
    }

    let reference: JSValueRef?
    let context: ScriptContext

    /// Keeps a value of that context alive.
    init(adopting reference: JSValueRef?, in context: ScriptContext) {
        self.reference = reference
        self.context = context
        if let reference { JSValueProtect(context.reference, reference) }
    }

    deinit {
        if let reference { JSValueUnprotect(context.reference, reference) }
    }

    /// What the value is.
    package var kind: Kind {
        switch JSValueGetType(context.reference, reference) {
        case kJSTypeUndefined: .undefined
        case kJSTypeNull: .null
        case kJSTypeBoolean: .boolean
        case kJSTypeNumber: .number
        case kJSTypeString: .string
        case kJSTypeSymbol: .symbol
        case kJSTypeBigInt: .bigInt
        default: JSObjectIsFunction(context.reference, reference) ? .function : .object
        }
    }

    /// Whether the value counts as true in a condition.
    package var isTrue: Bool {
        JSValueToBoolean(context.reference, reference)
    }

    /// The value as a number; `NaN` when it is none and cannot become one.
    package var number: Double {
        JSValueToNumber(context.reference, reference, nil)
    }

    /// The characters of a value that is a string; nil for every other value, which is not converted.
    package var string: ScriptString? {
        guard kind == .string else { return nil }
        return ScriptString(adopting: JSValueToStringCopy(context.reference, reference, nil))
    }

    /// Calls the value, a function, with `undefined` as `this`.
    ///
    /// - Parameter arguments: Values of the same context.
    /// - Returns: What the function returned.
    /// - Throws: What the function threw, or that it took too long.
    package func call(_ arguments: [ScriptValue]) throws(ScriptException) -> ScriptValue {
        var references = arguments.map(\.reference)
        return try context.enter { exception in
            JSObjectCallAsFunction(context.reference, reference, nil, references.count, &references, exception)
        }
    }

    /// The member of that name; nil when the value is no object or reading the member throws.
    package func member(_ name: String) -> ScriptValue? {
        guard kind == .object || kind == .function else { return nil }
        let name = ScriptString(name)
        return try? context.enter { exception in
            JSObjectGetProperty(context.reference, reference, name.reference, exception)
        }
    }

    /// The value as JSON text, as `JSON.stringify` writes it; nil when JSON has no word for it.
    ///
    /// - Throws: What a `toJSON` of the script's threw, or that the value contains itself.
    package func json() throws(ScriptException) -> ScriptString? {
        var text: JSStringRef?
        _ = try context.enter { exception in
            text = JSValueCreateJSONString(context.reference, reference, 0, exception)
            return nil
        }
        return text.map { ScriptString(adopting: $0) }
    }
}
