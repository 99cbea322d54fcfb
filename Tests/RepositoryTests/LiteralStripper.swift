/// Takes comments and what stands in string and regex literals out of the lines of a Swift file.
struct LiteralStripper {
    /// The hashes of the multi-line string that is open, if one is.
    private var multiline: Int?

    /// The code of the next line.
    mutating func strip(_ line: String) -> String {
        var reader = LineReader(line)
        var code: [UInt8] = []
        while let byte = reader.peek() {
            if let hashes = multiline {
                guard reader.skip(past: Self.quotes(3, hashes)) else { break }
                multiline = nil
            } else if reader.starts(with: Array("//".utf8)) {
                break
            } else if let (quotes, hashes) = reader.openingQuotes() {
                reader.advance(by: quotes + hashes)
                if quotes == 3 { multiline = hashes } else { reader.skipString(hashes: hashes) }
            } else if byte == UInt8(ascii: "/"), Self.beforeRegex.contains(code.last { $0 != 0x20 } ?? 0x28) {
                reader.skipRegex()
            } else {
                code.append(byte)
                reader.advance(by: 1)
            }
        }
        return String(decoding: code, as: UTF8.self)
    }

    /// What a regex literal follows: everywhere else a slash divides.
    private static let beforeRegex = Set("(=,:{".utf8)

    /// The end of a string that was begun by so many quotes behind so many hashes.
    static func quotes(_ count: Int, _ hashes: Int) -> [UInt8] {
        Array(repeating: UInt8(ascii: "\""), count: count) + Array(repeating: UInt8(ascii: "#"), count: hashes)
    }
}

/// A position in a line.
private struct LineReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ line: String) {
        bytes = Array(line.utf8)
    }

    func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func advance(by count: Int) {
        position = min(bytes.count, position + count)
    }

    func starts(with text: [UInt8]) -> Bool { bytes[position...].starts(with: text) }

    /// Goes behind the next `text`; false, and to the end, when there is none.
    mutating func skip(past text: [UInt8]) -> Bool {
        while peek() != nil {
            if starts(with: text) {
                advance(by: text.count)
                return true
            }
            advance(by: 1)
        }
        return false
    }

    /// How many quotes, behind how many hashes, open a string here; nil when none does.
    func openingQuotes() -> (quotes: Int, hashes: Int)? {
        let hashes = bytes[position...].prefix { $0 == UInt8(ascii: "#") }.count
        let quotes = bytes[(position + hashes)...].prefix { $0 == UInt8(ascii: "\"") }.count
        return quotes == 0 ? nil : (quotes >= 3 ? 3 : 1, hashes)
    }

    /// Goes behind a string whose opening quote is behind.
    mutating func skipString(hashes: Int) {
        let end = LiteralStripper.quotes(1, hashes)
        while let byte = peek() {
            if starts(with: end) { return advance(by: end.count) }
            advance(by: 1)
            guard byte == UInt8(ascii: "\\"), hashes == 0 else { continue }
            let isInterpolation = peek() == UInt8(ascii: "(")
            advance(by: 1)
            if isInterpolation { skipInterpolation() }
        }
    }

    /// Goes behind a regex literal, if one stands here; else behind the slash.
    mutating func skipRegex() {
        let start = position
        advance(by: 1)
        while let byte = peek() {
            advance(by: byte == UInt8(ascii: "\\") ? 2 : 1)
            if byte == UInt8(ascii: "/") { return }
        }
        position = start + 1
    }

    /// Goes behind an interpolation whose opening parenthesis is behind.
    private mutating func skipInterpolation() {
        var depth = 1
        while let byte = peek(), depth > 0 {
            advance(by: 1)
            switch byte {
            case UInt8(ascii: "\""): skipString(hashes: 0)
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"): depth -= 1
            default: break
            }
        }
    }
}
