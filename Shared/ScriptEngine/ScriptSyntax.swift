import CJavaScriptCore

/// What a piece of JavaScript is to be.
package enum SyntaxForm: String, Sendable, CaseIterable {
    /// One expression of a sequence.
    case expression
    /// Statements of a sequence that may `return`.
    case statements
    /// A function of a design document: an expression, or a script that ends with one.
    case function
    /// A CommonJS module.
    case module
}

/// Why a text is no JavaScript.
package struct SyntaxFault: Error, Sendable, Hashable {
    /// The line of the text, from 1; nil when that is not known.
    package let line: Int?
    /// What is wrong with it, in the engine's words.
    package let message: String
}

extension ScriptContext {
    /// What is wrong with a text, which is parsed as it would be in order to run, and never run; nil when nothing is.
    ///
    /// The engine does not say columns here. How long it takes follows the text's length; what is nested too deep is
    /// a fault. That a text is a function where one is wanted only running it could tell.
    package func syntaxFault(in text: String, as form: SyntaxForm) -> SyntaxFault? {
        switch form {
        case .expression, .statements:
            let form: ExpressionCode.Form = form == .expression ? .expression : .statements
            let code = ExpressionCode(form, text, name: "", line: 1)
            guard let fault = syntaxFault(code.functionText(names: []), above: 1) else { return nil }
            guard let line = fault.line, line > text.lineCount else { return fault }
            // It goes on behind its end, where nobody has written anything: what lacks is what the text alone lacks.
            let start = form == .expression ? "0,\n" : "(function () {\n"
            return syntaxFault(start + text, above: 1)?.within(text) ?? fault.within(text)
        case .function:
            guard let ofScript = syntaxFault(text, above: 0) else { return nil }
            guard let ofExpression = syntaxFault("0," + text, above: 0) else { return nil }
            // It was understood further as what it is meant to be.
            return ((ofExpression.line ?? 0) >= (ofScript.line ?? 0) ? ofExpression : ofScript).within(text)
        case .module:
            return syntaxFault("(function (module, exports, require) {" + text + "\n})", above: 0)?.within(text)
        }
    }

    /// - Parameter lines: How many lines of ours stand above the text.
    private func syntaxFault(_ source: String, above lines: Int) -> SyntaxFault? {
        let source = ScriptString(source)
        do throws(ScriptException) {
            _ = try enter { exception in
                JSCheckScriptSyntax(reference, source.reference, nil, 1, exception)
                    ? JSValueMakeUndefined(reference) : nil
            }
            return nil
        } catch {
            return SyntaxFault(line: error.line.map { max(1, $0 - lines) }, message: error.message)
        }
    }
}

extension SyntaxFault {
    /// The fault with a line that the text has.
    fileprivate func within(_ text: String) -> SyntaxFault {
        SyntaxFault(line: line.map { min($0, text.lineCount) }, message: message)
    }
}

extension String {
    /// How many lines it has; a line's end at its end begins no other.
    fileprivate var lineCount: Int {
        let ends = utf8.count { $0 == UInt8(ascii: "\n") }
        return max(1, utf8.last == UInt8(ascii: "\n") ? ends : ends + 1)
    }
}
