import Foundation

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
            if let match = code.firstMatch(of: /\b(?:func\s+(\S+?)[(<\s]|(init|deinit)[?!]?\s*[({<])/),
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

/// Takes comments and what stands in string and regex literals out of the lines of a Swift file.
struct LiteralStripper {
    /// The hashes of the multi-line string that is open, if one is.
    private var multiline: Int?

    /// The code of the next line.
    mutating func strip(_ line: String) -> String {
        var code = ""
        var rest = line[...]
        while !rest.isEmpty {
            if let hashes = multiline {
                guard let end = rest.range(of: "\"\"\"" + String(repeating: "#", count: hashes)) else { return code }
                rest = rest[end.upperBound...]
                multiline = nil
            } else if rest.hasPrefix("//") {
                return code
            } else if let opening = rest.prefixMatch(of: /(#*)("""|")/) {
                rest = rest[opening.range.upperBound...]
                let hashes = opening.1.count
                if opening.2 == "\"\"\"" {
                    multiline = hashes
                } else {
                    rest = Self.afterString(rest, hashes: hashes)
                }
            } else if let regex = rest.prefixMatch(of: /\/[^\s\/](?:\\.|[^\/\\])*\//) {
                rest = rest[regex.range.upperBound...]
            } else {
                code.append(rest.removeFirst())
            }
        }
        return code
    }

    /// What follows a string literal whose opening quote is behind.
    private static func afterString(_ text: Substring, hashes: Int) -> Substring {
        var rest = text
        let closing = "\"" + String(repeating: "#", count: hashes)
        while !rest.isEmpty {
            if hashes == 0, rest.hasPrefix("\\(") {
                rest = afterInterpolation(rest.dropFirst(2))
            } else if hashes == 0, rest.hasPrefix("\\") {
                rest = rest.dropFirst(2)
            } else if rest.hasPrefix(closing) {
                return rest.dropFirst(closing.count)
            } else {
                rest = rest.dropFirst()
            }
        }
        return rest
    }

    /// What follows an interpolation whose opening parenthesis is behind.
    private static func afterInterpolation(_ text: Substring) -> Substring {
        var rest = text
        var depth = 1
        while !rest.isEmpty, depth > 0 {
            if rest.hasPrefix("\"") {
                rest = afterString(rest.dropFirst(), hashes: 0)
                continue
            }
            if rest.hasPrefix("(") { depth += 1 }
            if rest.hasPrefix(")") { depth -= 1 }
            rest = rest.dropFirst()
        }
        return rest
    }
}
