/// What a text of a design document is by its looks: a function, or some other JavaScript.
///
/// As the query server has it, the text is a script whose last value is a function, or an expression that is one.
/// Without running it, that a text is a function can be seen where it is written as one, and that it is none where
/// its value is written as something else, or is asked of a name that nobody has declared. What a call returns only
/// running would tell: that of a function which the text itself declares, or requires, is let pass. What an `if` or
/// another statement leaves behind as the script's value counts for none, as nobody means it.
struct FunctionShape {
    /// Why a text is no function.
    struct Fault: Hashable {
        /// The line of the text, from 1.
        let line: Int
        /// What it is instead, with an article.
        let found: String
    }

    enum Value {
        /// A statement without a value.
        case nothing
        case function
        /// What it is only running would tell.
        case unknown
        case other(Fault)

        var mayBeFunction: Bool {
            switch self {
            case .function, .unknown: true
            case .nothing, .other: false
            }
        }
    }

    let tokens: [JavaScriptTokens.Token]
    /// Names that stand in the text as declared or assigned, at whatever depth.
    let declared: Set<String>

    /// Why a text that is JavaScript is no function; nil when it is one, or may be.
    static func fault(in text: String) -> Fault? {
        guard let tokens = JavaScriptTokens.of(text), let first = tokens.first else { return nil }
        let shape = FunctionShape(tokens)
        guard tokens.indices.allSatisfy({ tokens[$0].text != "let" || shape.declares(at: $0) }) else { return nil }
        let script = shape.value(ofScript: true)
        guard !script.mayBeFunction else { return nil }
        let expression = shape.value(ofScript: false)
        guard !expression.mayBeFunction else { return nil }
        switch script {
        case .other where first.text == "{": return Fault(line: first.line, found: "a block or an object")
        case .other(let fault): return fault
        default: return Fault(line: first.line, found: "a declaration")
        }
    }

    private init(_ tokens: [JavaScriptTokens.Token]) {
        self.tokens = tokens
        var names: Set<String> = []
        var takesApart = false
        for (index, token) in tokens.enumerated() where token.kind == .word {
            let next = index + 1 < tokens.count ? tokens[index + 1].text : ""
            if ["var", "let", "const"].contains(token.text), next == "{" || next == "[" { takesApart = true }
            let before = index > 0 ? tokens[index - 1].text : ""
            let isDeclared = ["var", "let", "const", "function", "class", "*", ","].contains(before)
            if isDeclared || next == "=" && before != "." { names.insert(token.text) }
        }
        declared = takesApart ? Set(tokens.map(\.text)) : names
    }

    /// Whether the word `let` there begins a declaration: outside of strict mode it may also be a name.
    private func declares(at place: Int) -> Bool {
        guard tokens.indices.contains(place + 1) else { return false }
        let next = tokens[place + 1]
        guard next.kind == .word else { return ["[", "{"].contains(next.text) }
        return !JavaScriptTokens.operatorWords.contains(next.text)
    }

    // MARK: - Statements

    /// The value of the last statement that has one.
    ///
    /// - Parameter isScript: Whether the text begins with a statement; else its beginning is an expression.
    private func value(ofScript isScript: Bool) -> Value {
        var last = Value.nothing
        var place = 0
        while place < tokens.count {
            let start = place
            if !isScript, start == 0, tokens[0].text != ";" {
                place = endOfExpression(from: 0)
                last = valueOfExpression(0..<place, depth: 0)
                continue
            }
            guard let end = endOfStatement(from: start, depth: 0), end > start else { return .unknown }
            place = end
            if let value = valueOfStatement(start..<end) { last = value }
        }
        return last
    }

    /// Nil for a statement without a value, which leaves that of the one before.
    private func valueOfStatement(_ range: Range<Int>) -> Value? {
        let first = tokens[range.lowerBound]
        switch first.text {
        case ";", "var", "let", "const", "class": return nil
        case "function" where isDeclaration(at: range.lowerBound): return nil
        case "async" where text(range.lowerBound + 1) == "function" && isDeclaration(at: range.lowerBound + 1):
            return nil
        case "{": return .other(Fault(line: first.line, found: "a block"))
        case _ where Self.statementWords.contains(first.text):
            return .other(Fault(line: first.line, found: "the statement '\(first.text)'"))
        case _ where isLabel(range.lowerBound): return valueOfStatement(range.dropFirst(2))
        default: return valueOfExpression(range, depth: 0)
        }
    }

    /// Whether a word there is a label in front of a statement.
    private func isLabel(_ place: Int) -> Bool { tokens[place].kind == .word && text(place + 1) == ":" }

    /// Words with which a statement begins, and no expression.
    static let statementWords: Set<String> = [
        "if", "for", "while", "do", "try", "switch", "with", "throw", "var", "let", "const", "break", "continue",
        "return", "debugger", "import", "export",
    ]
    /// How deep what is nested is looked into; what is deeper may be anything.
    static let maximumDepth = 30

    func text(_ place: Int) -> String { tokens.indices.contains(place) ? tokens[place].text : "" }

    /// Whether the word `function` there has a name behind it.
    private func isDeclaration(at place: Int) -> Bool {
        text(text(place + 1) == "*" ? place + 2 : place + 1) != "("
    }

    /// Behind the bracket that closes what is opened there; nil when nothing is.
    func end(ofGroup place: Int) -> Int? {
        guard place < tokens.count, tokens[place].kind == .opening else { return nil }
        return tokens[place].partner.map { $0 + 1 }
    }

    /// Nil when it cannot be said.
    private func endOfStatement(from start: Int, depth: Int) -> Int? {
        guard start < tokens.count, depth < Self.maximumDepth else { return nil }
        switch text(start) {
        case ";": return start + 1
        case "{": return end(ofGroup: start)
        case "if", "for", "while", "with":
            let head = text(start + 1) == "await" ? start + 2 : start + 1
            guard let body = end(ofGroup: head), let end = endOfStatement(from: body, depth: depth + 1) else {
                return nil
            }
            guard text(start) == "if", text(end) == "else" else { return end }
            return endOfStatement(from: end + 1, depth: depth + 1)
        case "do":
            guard let end = endOfStatement(from: start + 1, depth: depth + 1), text(end) == "while" else { return nil }
            return self.end(ofGroup: end + 1)
        case "switch": return end(ofGroup: start + 1).flatMap { end(ofGroup: $0) }
        case "try":
            var place = end(ofGroup: start + 1)
            while let end = place, ["catch", "finally"].contains(text(end)) {
                place = self.end(ofGroup: end + 1)
                if text(end + 1) == "(" { place = place.flatMap { self.end(ofGroup: $0) } }
            }
            return place
        case "function" where isDeclaration(at: start): return endOfFunction(from: start)
        case "async" where text(start + 1) == "function" && isDeclaration(at: start + 1):
            return endOfFunction(from: start + 1)
        case "class": return endOfClass(from: start)
        case _ where isLabel(start):
            return endOfStatement(from: start + 2, depth: depth + 1)
        default:
            let end = endOfExpression(from: start)
            return text(end) == ";" ? end + 1 : end
        }
    }

    func endOfFunction(from start: Int) -> Int? {
        var place = start + 1
        while place < tokens.count, tokens[place].text != "(" { place += 1 }
        return end(ofGroup: place).flatMap { end(ofGroup: $0) }
    }

    func endOfClass(from start: Int) -> Int? {
        var place = start + 1
        while place < tokens.count, tokens[place].text != "{" { place = end(ofGroup: place) ?? place + 1 }
        return end(ofGroup: place)
    }

    /// Where an expression ends: in front of a semicolon, or of a line that cannot be part of it.
    private func endOfExpression(from start: Int) -> Int {
        var place = start
        while place < tokens.count, tokens[place].text != ";" {
            if place > start, tokens[place].beginsLine, !continues(at: place) { break }
            switch text(place) {
            // Its body may begin on a line of its own.
            case "function" where text(place - 1) != ".": place = endOfFunction(from: place) ?? place + 1
            case "class" where text(place - 1) != ".": place = endOfClass(from: place) ?? place + 1
            default: place = end(ofGroup: place) ?? place + 1
            }
        }
        return place
    }

    /// Whether the token, which begins a line, belongs to the expression in front of it.
    private func continues(at place: Int) -> Bool {
        let (before, token) = (tokens[place - 1], tokens[place])
        switch before.kind {
        case .punctuator where before.text != "++" && before.text != "--": return true
        case .word where JavaScriptTokens.operatorWords.contains(before.text): return true
        default: break
        }
        // Nothing calls, or takes a member of, an arrow function without brackets around it.
        if before.text == "}", let start = before.partner, start > 0, text(start - 1) == "=>" {
            return token.text == ","
        }
        switch token.kind {
        case .opening: return token.text != "{"
        case .closing: return true
        case .literal: return false
        case .word: return ["in", "instanceof"].contains(token.text)
        case .punctuator: return !["++", "--", "!", "~"].contains(token.text)
        }
    }
}
