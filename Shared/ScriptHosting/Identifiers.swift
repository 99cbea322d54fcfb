/// The names that a text of JavaScript may mean.
enum Identifiers {
    /// The reserved words of strict mode, and the names that it lets nobody declare.
    private static let reserved: Set<String> = [
        "arguments", "await", "break", "case", "catch", "class", "const", "continue", "debugger", "default", "delete",
        "do", "else", "enum", "eval", "export", "extends", "false", "finally", "for", "function", "if", "implements",
        "import", "in", "instanceof", "interface", "let", "new", "null", "package", "private", "protected", "public",
        "return", "static", "super", "switch", "this", "throw", "true", "try", "typeof", "var", "void", "while",
        "with", "yield",
    ]

    /// Each word of the text that could be a variable, once, in order; words in strings and comments are among them.
    static func names(in text: String) -> [String] {
        var names: Set<String> = []
        var word = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if isPart(scalar) {
                word.append(scalar)
            } else if !word.isEmpty {
                names.insert(String(word))
                word.removeAll(keepingCapacity: true)
            }
        }
        if !word.isEmpty { names.insert(String(word)) }
        return names.filter { isName($0) }.sorted()
    }

    /// Whether the text is a word that could be a variable.
    static func isName(_ text: some StringProtocol) -> Bool {
        isMemberName(text) && !reserved.contains(String(text))
    }

    /// Whether the text is a word that can stand after a dot.
    static func isMemberName(_ text: some StringProtocol) -> Bool {
        guard let first = text.unicodeScalars.first, !("0"..."9").contains(first) else { return false }
        return text.unicodeScalars.allSatisfy(isPart)
    }

    private static func isPart(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "$": true
        default: !scalar.isASCII && scalar.properties.isIDContinue
        }
    }
}
