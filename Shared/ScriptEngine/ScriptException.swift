/// Why a script ended without a value.
package struct ScriptException: Error, Sendable, Hashable {
    /// What ended the script.
    package enum Cause: Sendable, Hashable {
        /// The text is no JavaScript.
        case syntax
        /// The script threw.
        case thrown
        /// The script computed longer than its machine allows.
        case timeLimit
        /// The result is larger than it may be.
        case outputLimit
        /// The result of a reduce function is not much smaller than what it was made of.
        case reduceOverflow
    }

    package let cause: Cause
    /// The error's `name`, such as `TypeError`; empty when what was thrown is no error.
    package let name: String
    /// What went wrong, in the engine's or the script's words; at most ``maximumMessageLength`` characters.
    package let message: String
    /// What the throwing script was called; empty when that is not known.
    package let source: String
    /// The line of the throwing script, counted as `evaluate` was told to; nil when that is not known.
    package let line: Int?
    /// The column in that line, from 1; nil when that is not known.
    package let column: Int?

    /// How much of a message is kept.
    package static let maximumMessageLength = 2_000

    /// The end of a script that computed too long.
    static let timeLimit = ScriptException(.timeLimit, "the script took too long")

    /// The end of a script whose result is too large.
    package static let outputLimit = ScriptException(.outputLimit, "the result is too large")

    /// The end of a reduce function that made so many characters of so many.
    package static func reduceOverflow(_ result: Int, from size: Int) -> ScriptException {
        ScriptException(
            .reduceOverflow,
            "Reduce output must shrink more rapidly: input size: \(size) output size: \(result)"
        )
    }
}

extension ScriptException {
    /// An end that has no place in a script.
    fileprivate init(_ cause: Cause, name: String = "", _ message: String) {
        self.init(cause: cause, name: name, message: message, source: "", line: nil, column: nil)
    }

    /// What a thrown value says about itself.
    init(describing value: ScriptValue) {
        let isError = value.kind == .object && value.member("message")?.string != nil
        let name = isError ? value.member("name")?.string?.prefix(100) ?? "" : ""
        self.init(
            cause: name == "SyntaxError" ? .syntax : .thrown,
            name: name,
            message: Self.message(of: value, isError: isError),
            source: isError ? value.member("sourceURL")?.string?.prefix(500) ?? "" : "",
            line: isError ? value.position("line") : nil,
            column: isError ? value.position("column") : nil
        )
    }

    private static func message(of value: ScriptValue, isError: Bool) -> String {
        if isError { return value.member("message")?.string?.prefix(maximumMessageLength) ?? "" }
        if let string = value.string { return string.prefix(maximumMessageLength) }
        let json = try? value.json()
        return json?.prefix(maximumMessageLength) ?? "a value that JSON cannot say was thrown"
    }
}

extension ScriptValue {
    /// The whole, positive number in the member of that name.
    fileprivate func position(_ name: String) -> Int? {
        guard let member = member(name), member.kind == .number, let value = Int(exactly: member.number) else {
            return nil
        }
        return value > 0 ? value : nil
    }
}

extension ScriptString {
    /// The first characters, as Swift text.
    fileprivate func prefix(_ length: Int) -> String {
        String(text.prefix(length))
    }
}

extension ScriptException {
    /// An end that no script asked for by `throw`.
    static func unexpected(_ message: String) -> ScriptException {
        ScriptException(.thrown, name: "TypeError", message)
    }

    /// The exception as it would be had the line not begun with that many characters of ours.
    func movedLeft(on line: Int, by characters: Int) -> ScriptException {
        guard self.line == line, let column, column > characters else { return self }
        return ScriptException(
            cause: cause,
            name: name,
            message: message,
            source: source,
            line: line,
            column: column - characters
        )
    }
}

extension ScriptValue {
    /// The function in the member of that name.
    func function(_ name: String) throws(ScriptException) -> ScriptValue {
        guard let value = member(name), value.kind == .function else { throw .unexpected("there is no \(name)") }
        return value
    }
}
