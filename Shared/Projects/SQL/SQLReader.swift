import Sequences

/// Reads a statement's text as its engine does, as far as quotes, comments and parameters go.
struct SQLReader {
    /// Why a text is no statement that a connector can run; holds no part of it.
    struct Problem: Error, Hashable {
        let message: String
        var suggestion: String?
    }

    private let engine: SQLConnector.Engine
    private var rest: Substring
    private var parts: [SQLText.Part] = []
    private var literal = ""
    /// The first letters outside comments.
    private var verb = ""
    private var isVerbOver = false
    /// Whether a statement has ended, and nothing may follow.
    private var isOver = false

    private init(_ text: String, engine: SQLConnector.Engine) {
        self.engine = engine
        rest = text[...]
    }

    /// The statement of a text.
    static func read(_ text: String, for engine: SQLConnector.Engine) throws(Problem) -> SQLText {
        var reader = SQLReader(text, engine: engine)
        while let character = reader.rest.first { try reader.readNext(character) }
        if !reader.literal.isEmpty { reader.parts.append(.literal(reader.literal)) }
        guard !reader.verb.isEmpty else { throw Problem(message: "the statement is empty") }
        try refuseOtherFiles(in: text, engine)
        return SQLText(parts: reader.parts, verb: reader.verb.uppercased())
    }

    /// Refuses what reaches files beside the database's own: SQLite's commands for that, and functions of its driver;
    /// and what has MariaDB's driver send files of this machine to the server.
    ///
    /// The words count wherever they stand, so that no trick with quotes or comments hides one.
    private static func refuseOtherFiles(in text: String, _ engine: SQLConnector.Engine) throws(Problem) {
        guard let (title, forbidden) = otherFiles(of: engine) else { return }
        let words = text.utf8.split { byte in
            !((0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == UInt8(ascii: "_"))
        }
        for word in words.lazy.map({ String(decoding: $0, as: UTF8.self) })
        where forbidden.contains(word.uppercased()) {
            throw Problem(
                message: "the word '\(word)' may stand in no statement of \(title): it leads to other files",
                suggestion: "bind it when it is part of a value"
            )
        }
    }

    /// The words that lead to files, with the engine's name in errors; nil for engines whose drivers read none.
    private static func otherFiles(of engine: SQLConnector.Engine) -> (title: String, words: Set<String>)? {
        switch engine {
        case .sqlite:
            (
                "SQLite",
                ["ATTACH", "DETACH", "VACUUM", "PRAGMA", "LOAD_EXTENSION", "BLOB_IMPORT", "BLOB_EXPORT"]
            )
        // LOAD DATA, LOAD XML. Without this word there is neither; the text of a statement that the server puts
        // together (EXECUTE) cannot hold one of them.
        case .mariadb: ("MariaDB", ["INFILE"])
        case .mysql: ("MySQL", ["INFILE"])
        case .postgresql, .sqlserver, .oracle: nil
        }
    }

    private mutating func readNext(_ character: Character) throws(Problem) {
        if isSpace(character) { return take(1) }
        if let comment = commentEnd() { return take(comment) }
        guard !isOver else {
            throw Problem(
                message: "a statement follows another one",
                suggestion: "write each as an element of 'statements'"
            )
        }
        if try readQuoted(character) { return }
        if readPlaceholder(character) { return }
        switch character {
        case ";" where isOneStatement:
            isOver = true
            // Some servers refuse the semicolon after a statement, and none needs it.
            rest = rest.dropFirst()
        case "?" where engine != .postgresql:
            throw Problem(message: "'?' stands for no variable", suggestion: "write {name} for a bound value")
        case "$" where engine == .postgresql && rest.dropFirst().first?.isNumber == true:
            throw Problem(message: "'$1' stands for no variable", suggestion: "write {name} for a bound value")
        default:
            if !isVerbOver, character.isLetter { verb.append(character) } else if !verb.isEmpty { isVerbOver = true }
            return take(1)
        }
    }

    /// Whether a semicolon ends the statement; procedures and triggers have blocks with semicolons in them, and some
    /// engines take blocks anywhere.
    private var isOneStatement: Bool {
        switch engine {
        case .postgresql: true
        case .sqlserver, .oracle: false
        case .mariadb, .mysql, .sqlite: verb.uppercased() != "CREATE"
        }
    }

    private var isMySQL: Bool { engine == .mysql || engine == .mariadb }

    private func isSpace(_ character: Character) -> Bool { character.isWhitespace }

    /// Moves so many characters into the literal.
    private mutating func take(_ count: Int) {
        if !verb.isEmpty, let first = rest.first, !first.isLetter { isVerbOver = true }
        literal += rest.prefix(count)
        rest = rest.dropFirst(count)
    }

    /// The length of a comment that begins here; nil when none does.
    private func commentEnd() -> Int? {
        let startsLine =
            rest.hasPrefix("--") && (!isMySQL || rest.dropFirst(2).first.map(\.isWhitespace) ?? true)
            || isMySQL && rest.hasPrefix("#")
        if startsLine { return rest.prefix { !$0.isNewline }.count }
        guard rest.hasPrefix("/*") else { return nil }
        var depth = 0
        var position = rest.startIndex
        while position < rest.endIndex {
            let tail = rest[position...]
            if tail.hasPrefix("/*"), depth == 0 || engine == .postgresql {
                depth += 1
                position = rest.index(position, offsetBy: 2)
            } else if tail.hasPrefix("*/") {
                depth -= 1
                position = rest.index(position, offsetBy: 2)
                if depth == 0 { return rest.distance(from: rest.startIndex, to: position) }
            } else {
                position = rest.index(after: position)
            }
        }
        return rest.count
    }

    /// Reads a text or a name in quotes; false when none begins here.
    private mutating func readQuoted(_ character: Character) throws(Problem) -> Bool {
        switch character {
        case "'": try readQuoted(by: "'", escapes: isMySQL || isEscapeString)
        case "\"": try readQuoted(by: "\"", escapes: isMySQL)
        case "`" where isMySQL || engine == .sqlite: try readQuoted(by: "`", escapes: false)
        case "[" where engine == .sqlserver || engine == .sqlite: try readQuoted(by: "]", escapes: false)
        case "$" where engine == .postgresql: return try readDollarQuoted()
        default: return false
        }
        return true
    }

    /// PostgreSQL's `E'…'`, in which a backslash escapes.
    private var isEscapeString: Bool {
        guard engine == .postgresql, literal.last == "E" || literal.last == "e" else { return false }
        return literal.dropLast().last.map { !($0.isLetter || $0.isNumber || $0 == "_") } ?? true
    }

    private mutating func readQuoted(by end: Character, escapes: Bool) throws(Problem) {
        var length = 1
        var inner = ""
        var characters = rest.dropFirst()
        while let character = characters.popFirst() {
            length += 1
            if escapes, character == "\\" {
                guard characters.popFirst() != nil else { break }
                length += 1
            } else if character == end {
                guard characters.first == end else {
                    try refusePlaceholder(in: inner)
                    return take(length)
                }
                characters.removeFirst()
                length += 1
            } else {
                inner.append(character)
            }
        }
        throw Problem(message: "a quote is not closed")
    }

    private mutating func readDollarQuoted() throws(Problem) -> Bool {
        let tag = rest.dropFirst().prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        guard rest.dropFirst(1 + tag.count).first == "$", tag.first?.isNumber != true else { return false }
        let mark = "$\(tag)$"
        let body = rest.dropFirst(mark.count)
        guard let end = body.firstRange(of: mark) else { throw Problem(message: "a quote is not closed") }
        try refusePlaceholder(in: String(body[..<end.lowerBound]))
        take(rest.distance(from: rest.startIndex, to: end.upperBound))
        return true
    }

    /// A value is bound, not written into a text: within quotes a placeholder is a mistake.
    private func refusePlaceholder(in text: String) throws(Problem) {
        guard let name = PlaceholderText(text).variables.first else { return }
        throw Problem(
            message: "the placeholder {\(name)} stands within quotes",
            suggestion: "leave the quotes out: the value is bound"
        )
    }

    /// Reads `{name}`; other braces are the engine's own.
    private mutating func readPlaceholder(_ character: Character) -> Bool {
        guard character == "{", let end = rest.firstIndex(of: "}") else { return false }
        let name = String(rest[rest.index(after: rest.startIndex)..<end])
        guard Names.isVariable(name) else { return false }
        isVerbOver = true
        if !literal.isEmpty { parts.append(.literal(literal)) }
        literal = ""
        parts.append(.variable(name))
        rest = rest[rest.index(after: end)...]
        return true
    }
}
