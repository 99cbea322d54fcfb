/// Finds the functions of a Swift file and how long they are.
///
/// It knows no grammar: it takes comments and literals away and matches braces, which is enough to count lines.
struct FunctionLengths {
    /// A function, an initializer or a deinitializer with a body.
    struct Function: Hashable {
        /// The line of its `func`, from 1.
        let line: Int
        let name: String
        /// From that line to the closing brace.
        let length: Int
    }

    /// The functions of the file, in the order of their ends.
    static func of(_ source: Source) -> [Function] {
        var found: [Function] = []
        var open: [(function: (line: Int, name: String)?, depth: Int)] = []
        var pending: (line: Int, name: String)?
        var depth = 0
        var stripper = LiteralStripper()
        for (index, line) in source.lines.enumerated() {
            let code = stripper.strip(line)
            // Regular expressions are slow in a debug build; most lines have neither word.
            if code.contains("func ") || code.contains("init"),
                let match = code.firstMatch(of: /\b(?:func\s+(\S+?)[(<\s]|(init|deinit)[?!]?\s*[({<])/),
                !code.contains(/\.(?:init|deinit)\b/)
            {
                pending = (index + 1, String(match.1 ?? match.2 ?? "function"))
            }
            for character in code {
                switch character {
                case "{":
                    depth += 1
                    open.append((pending, depth))
                    pending = nil
                case "}":
                    depth -= 1
                    guard let last = open.popLast(), let function = last.function else { continue }
                    found.append(
                        Function(line: function.line, name: function.name, length: index + 2 - function.line)
                    )
                default: break
                }
            }
        }
        return found
    }
}
