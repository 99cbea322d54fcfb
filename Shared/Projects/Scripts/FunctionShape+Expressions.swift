extension FunctionShape {
    /// The value of an expression, by how it is written.
    ///
    /// - Parameter depth: How many brackets and operators it stands in.
    func valueOfExpression(_ range: Range<Int>, depth: Int) -> Value {
        guard depth < Self.maximumDepth else { return .unknown }
        var range = range
        while let last = range.last, text(last) == ";" { range.removeLast() }
        // Of several with commas between them the last one counts.
        if let comma = places(in: range, of: [","]).last { range = comma + 1..<range.upperBound }
        guard let start = range.first else { return .nothing }
        guard !Self.statementWords.contains(text(start)) else { return other(start, "the statement '\(text(start))'") }
        let markers = places(in: range, of: Self.assignments.union(["=>", "?"]))
        guard let marker = markers.first else { return valueOfOperators(range, depth: depth) }
        switch text(marker) {
        case "=>": return .function
        case "?": return valueOfChoice(range, question: marker, depth: depth)
        default: return valueOfAssignment(range, sign: marker, depth: depth)
        }
    }

    private static let assignments: Set<String> = [
        "=", "+=", "-=", "*=", "/=", "%=", "**=", "<<=", ">>=", ">>>=", "&=", "|=", "^=", "&&=", "||=", "??=",
    ]
    /// Those whose value is one of their sides.
    private static let choices: Set<String> = ["||", "&&", "??"]
    private static let arithmetic: Set<String> = [
        "+", "-", "*", "/", "%", "**", "==", "===", "!=", "!==", "<", ">", "<=", ">=", "<<", ">>", ">>>", "&", "|",
        "^", "!", "~", "++", "--", "typeof", "void", "delete", "in", "instanceof",
    ]

    private func other(_ place: Int, _ found: String) -> Value {
        .other(Fault(line: tokens[place].line, found: found))
    }

    /// Where one of the texts stands between the tokens of a stretch, not within brackets.
    private func places(in range: Range<Int>, of texts: Set<String>) -> [Int] {
        var found: [Int] = []
        var place = range.lowerBound
        while place < range.upperBound {
            // Neither the name of a member nor the asterisk of a generator.
            let isOther = place > range.lowerBound && [".", "?.", "function"].contains(text(place - 1))
            if tokens[place].kind != .literal, !isOther, texts.contains(text(place)) { found.append(place) }
            place = end(ofGroup: place) ?? place + 1
        }
        return found
    }

    private func either(_ values: [Value]) -> Value {
        values.first { $0.mayBeFunction } ?? values.last ?? .nothing
    }

    private func valueOfChoice(_ range: Range<Int>, question: Int, depth: Int) -> Value {
        var open = 0
        for place in places(in: question..<range.upperBound, of: ["?", ":"]) {
            open += text(place) == "?" ? 1 : -1
            guard open == 0 else { continue }
            return either([
                valueOfExpression(question + 1..<place, depth: depth + 1),
                valueOfExpression(place + 1..<range.upperBound, depth: depth + 1),
            ])
        }
        return .unknown
    }

    private func valueOfAssignment(_ range: Range<Int>, sign: Int, depth: Int) -> Value {
        let target = range.lowerBound
        guard ["=", "&&=", "||=", "??="].contains(text(sign)) else { return other(target, "a number or a text") }
        let value = valueOfExpression(sign + 1..<range.upperBound, depth: depth + 1)
        // To assign to a member of what nobody has declared fails.
        guard sign > target + 1, tokens[target].kind == .word, !isKnown(text(target)) else { return value }
        return other(target, "an assignment to a member of '\(text(target))', which is not declared")
    }

    private func valueOfOperators(_ range: Range<Int>, depth: Int) -> Value {
        let signs = places(in: range, of: Self.choices)
        if !signs.isEmpty {
            let starts = [range.lowerBound] + signs.map { $0 + 1 }
            return either(
                zip(starts, signs + [range.upperBound]).map { valueOfExpression($0..<$1, depth: depth + 1) }
            )
        }
        guard places(in: range, of: Self.arithmetic).isEmpty else {
            return other(range.lowerBound, "a number, a text or a truth value")
        }
        return valueOfOperand(range, depth: depth)
    }

    /// The value of what has members taken of it, and is called, at most.
    private func valueOfOperand(_ range: Range<Int>, depth: Int) -> Value {
        let start = range.lowerBound
        let first = tokens[start]
        func isWhole(_ end: Int?) -> Bool { end == range.upperBound }
        switch first.text {
        case "function": return isWhole(endOfFunction(from: start)) ? .function : .unknown
        case "async" where text(start + 1) == "function":
            return isWhole(endOfFunction(from: start + 1)) ? .function : .unknown
        case "class": return isWhole(endOfClass(from: start)) ? .function : .unknown
        case "(":
            guard let end = end(ofGroup: start), isWhole(end) else { return .unknown }
            return valueOfExpression(start + 1..<end - 1, depth: depth + 1)
        case "{": return isWhole(end(ofGroup: start)) ? other(start, "an object") : .unknown
        case "[": return isWhole(end(ofGroup: start)) ? other(start, "an array") : .unknown
        case "`": return isWhole(end(ofGroup: start)) ? other(start, "a text") : .unknown
        case "new", "await", "yield": return .unknown
        default: break
        }
        if first.kind == .literal { return range.count == 1 ? other(start, "a value") : .unknown }
        guard first.kind == .word else { return .unknown }
        if Self.valueWords.contains(first.text), range.count == 1 { return other(start, "the value '\(first.text)'") }
        return valueOfName(range)
    }

    private func valueOfName(_ range: Range<Int>) -> Value {
        let start = range.lowerBound
        let name = text(start)
        let isCalled = range.count > 1 && text(start + 1) == "("
        if ["emit", "log", "sum", "toJSON", "isArray"].contains(name), !declared.contains(name), isCalled {
            return other(start, "a call of '\(name)'")
        }
        guard !isKnown(name) else { return .unknown }
        return other(
            start,
            isCalled ? "a call of '\(name)', which is not declared" : "'\(name)', which is not declared"
        )
    }

    private static let valueWords: Set<String> = ["true", "false", "null", "undefined", "NaN", "Infinity", "this"]

    /// Whether a name may stand for something when the text is compiled.
    private func isKnown(_ name: String) -> Bool {
        declared.contains(name) || Self.valueWords.contains(name) || Self.globals.contains(name) || name.contains("\\")
    }

    /// What the engine and the query server declare.
    private static let globals: Set<String> = [
        "emit", "log", "sum", "toJSON", "isArray", "require", "globalThis", "eval", "Function", "Object", "Array",
        "String", "Number", "Boolean", "BigInt", "Symbol", "Math", "JSON", "Date", "RegExp", "Map", "Set", "WeakMap",
        "WeakSet", "WeakRef", "Promise", "Proxy", "Reflect", "Intl", "Error", "TypeError", "RangeError",
        "SyntaxError", "ReferenceError", "EvalError", "URIError", "AggregateError", "ArrayBuffer", "DataView",
        "SharedArrayBuffer", "Atomics", "FinalizationRegistry", "Iterator", "Int8Array", "Uint8Array",
        "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array", "Float16Array",
        "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array", "WebAssembly", "parseInt", "parseFloat",
        "isNaN", "isFinite", "encodeURI", "encodeURIComponent", "decodeURI", "decodeURIComponent", "escape",
        "unescape", "super", "import", "async",
    ]
}
