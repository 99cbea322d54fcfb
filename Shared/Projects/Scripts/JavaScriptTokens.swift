/// The tokens of a JavaScript text that the engine has parsed, as far as one has to know them to see what it is.
///
/// Whether a `/` divides or begins a regular expression follows from what stands in front of it; in the few places
/// where that is not enough it is taken for the latter where its line ends one.
struct JavaScriptTokens {
    enum Kind: Hashable {
        /// A name or a keyword.
        case word
        /// A number, a string or a regular expression.
        case literal
        case punctuator
        /// A bracket, a template, or the `${` of one.
        case opening
        case closing
    }

    struct Token {
        let kind: Kind
        let text: String
        /// The line, from 1.
        let line: Int
        /// Whether it is the first of its line.
        let beginsLine: Bool
        /// Of an opening and of a closing one, where the other stands.
        var partner: Int?
    }

    private(set) var tokens: [Token] = []
    private let bytes: [UInt8]
    private var place = 0
    private var line = 1
    private var beginsLine = true
    /// Where what is open was opened.
    private var open: [Int] = []

    /// The tokens of a text; nil when brackets do not fit together, so that some of it was misunderstood.
    static func of(_ text: String) -> [Token]? {
        var reader = JavaScriptTokens(text)
        return reader.read() ? reader.tokens : nil
    }

    private init(_ text: String) { bytes = Array(text.utf8) }

    private mutating func read() -> Bool {
        while place < bytes.count {
            if skipSpace() { continue }
            let byte = bytes[place]
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "'"): append(.literal, upTo: endOfString(byte))
            case UInt8(ascii: "`"): guard openTemplate() else { return false }
            case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"):
                open.append(tokens.count)
                append(.opening, upTo: place + 1)
            case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): guard close() else { return false }
            case UInt8(ascii: "/") where mayBeginExpression: appendRegularExpression()
            case _ where Self.isDigit(byte) || byte == UInt8(ascii: ".") && Self.isDigit(at(place + 1)): appendNumber()
            case _ where Self.isOfName(byte): append(.word, upTo: endOfName(from: place))
            default: appendPunctuator()
            }
        }
        return open.isEmpty
    }

    private func at(_ index: Int) -> UInt8 { index < bytes.count ? bytes[index] : 0 }

    private func begins(_ text: StaticString) -> Bool {
        bytes[place...].starts(with: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private func end(from start: Int, while fits: (UInt8) -> Bool) -> Int {
        var index = start
        while index < bytes.count, fits(bytes[index]) { index += 1 }
        return index
    }

    /// Where a name that begins there, or goes on, ends.
    private func endOfName(from start: Int) -> Int {
        var index = start
        while index < bytes.count, Self.isOfName(bytes[index]), wideSpace(at: index) == nil { index += 1 }
        return index
    }

    /// How many bytes the white space or the line end has that begins there and is not of ASCII; nil when none does.
    private func wideSpace(at index: Int) -> Int? {
        guard at(index) >= 0x80 else { return nil }
        return Self.wideSpaces.first { bytes[index...].starts(with: $0) }?.count
    }

    private mutating func append(_ kind: Kind, upTo end: Int) {
        let text = String(decoding: bytes[place..<min(end, bytes.count)], as: UTF8.self)
        tokens.append(Token(kind: kind, text: text, line: line, beginsLine: beginsLine, partner: nil))
        beginsLine = false
        advance(to: end)
    }

    private mutating func advance(to end: Int) {
        let end = min(end, bytes.count)
        line += bytes[place..<end].count { $0 == UInt8(ascii: "\n") }
        place = end
    }

    // MARK: - Between tokens

    /// Goes past white space or a comment.
    private mutating func skipSpace() -> Bool {
        let start = place
        let lineBefore = line
        if begins("//") {
            place = end(from: place) { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        } else if begins("/*") {
            var index = place + 2
            while index < bytes.count, !(bytes[index] == UInt8(ascii: "*") && at(index + 1) == UInt8(ascii: "/")) {
                index += 1
            }
            advance(to: index + 2)
        } else if let length = wideSpace(at: place) {
            if begins("\u{2028}") || begins("\u{2029}") { beginsLine = true }
            place += length
        } else {
            let spaces = end(from: place) { [0x20, 0x09, 0x0A, 0x0B, 0x0C, 0x0D].contains($0) }
            if bytes[place..<spaces].contains(0x0D) { beginsLine = true }
            advance(to: spaces)
        }
        if line > lineBefore { beginsLine = true }
        return place > start
    }

    // MARK: - Literals

    private func endOfString(_ quote: UInt8) -> Int {
        var index = place + 1
        while index < bytes.count, bytes[index] != quote {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return index + 1
    }

    private mutating func appendNumber() {
        var index = place
        let isHexadecimal = at(place) == UInt8(ascii: "0") && [0x58, 0x78].contains(at(place + 1))
        while index < bytes.count {
            let isSign = [0x2B, 0x2D].contains(bytes[index]) && !isHexadecimal && index > place
            let hasSign = isSign && [0x45, 0x65].contains(bytes[index - 1])
            let isOfName = Self.isOfName(bytes[index]) && wideSpace(at: index) == nil
            guard hasSign || isOfName || bytes[index] == UInt8(ascii: ".") else { break }
            index += 1
        }
        append(.literal, upTo: index)
    }

    private mutating func appendRegularExpression() {
        var index = place + 1
        var isInClass = false
        while index < bytes.count, bytes[index] != UInt8(ascii: "\n") {
            switch bytes[index] {
            case UInt8(ascii: "\\"): index += 1
            case UInt8(ascii: "["): isInClass = true
            case UInt8(ascii: "]"): isInClass = false
            case UInt8(ascii: "/") where !isInClass:
                return append(.literal, upTo: endOfName(from: index + 1))
            default: break
            }
            index += 1
        }
        appendPunctuator()
    }

    /// Whether an expression may begin here, and not go on.
    private var mayBeginExpression: Bool {
        guard let last = tokens.last else { return true }
        switch last.kind {
        case .literal: return false
        case .word: return Self.operatorWords.contains(last.text)
        case .punctuator: return last.text != "++" && last.text != "--"
        case .opening: return true
        case .closing where last.text == ")":
            guard let start = last.partner, start > 0 else { return false }
            return ["if", "while", "for", "with"].contains(tokens[start - 1].text)
        case .closing: return last.text == "}"
        }
    }

    // MARK: - Brackets

    private mutating func close() -> Bool {
        guard let start = open.popLast() else { return false }
        let pair = tokens[start].text + String(UnicodeScalar(bytes[place]))
        guard ["()", "[]", "{}", "${}"].contains(pair) else { return false }
        append(.closing, upTo: place + 1)
        join(start)
        return pair == "${}" ? readTemplate() : true
    }

    private mutating func join(_ start: Int) {
        tokens[start].partner = tokens.count - 1
        tokens[tokens.count - 1].partner = start
    }

    private mutating func openTemplate() -> Bool {
        open.append(tokens.count)
        append(.opening, upTo: place + 1)
        return readTemplate()
    }

    /// Reads the text of a template up to its end, or up to an expression within it.
    private mutating func readTemplate() -> Bool {
        var index = place
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\\"): index += 1
            case UInt8(ascii: "`"):
                advance(to: index)
                guard let start = open.popLast() else { return false }
                append(.closing, upTo: index + 1)
                join(start)
                return true
            case UInt8(ascii: "$") where at(index + 1) == UInt8(ascii: "{"):
                advance(to: index)
                open.append(tokens.count)
                append(.opening, upTo: index + 2)
                return true
            default: break
            }
            index += 1
        }
        return false
    }

    // MARK: - All else

    private mutating func appendPunctuator() {
        let length = Self.punctuators.first { bytes[place...].starts(with: $0.utf8) }?.utf8.count ?? 1
        append(.punctuator, upTo: place + length)
    }

    /// Those of several characters, the longest first.
    private static let punctuators = [
        ">>>=", "...", "===", "!==", "**=", "<<=", ">>=", ">>>", "&&=", "||=", "??=", "=>", "==", "!=", "<=", ">=",
        "&&", "||", "??", "?.", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<", ">>", "**",
    ]

    /// Words behind which an expression begins.
    static let operatorWords: Set<String> = [
        "await", "case", "delete", "do", "else", "extends", "in", "instanceof", "new", "of", "return", "throw",
        "typeof", "void", "yield",
    ]

    /// White space and line ends (ECMAScript, 12.2 and 12.3) that are not of ASCII, in UTF-8.
    private static let wideSpaces: [[UInt8]] = [
        "\u{A0}", "\u{1680}", "\u{2000}", "\u{2001}", "\u{2002}", "\u{2003}", "\u{2004}", "\u{2005}", "\u{2006}",
        "\u{2007}", "\u{2008}", "\u{2009}", "\u{200A}", "\u{2028}", "\u{2029}", "\u{202F}", "\u{205F}", "\u{3000}",
        "\u{FEFF}",
    ].map { Array($0.utf8) }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func isOfName(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte >= 0x80
            || [0x24, 0x5F, 0x5C, 0x23].contains(byte)
    }
}
