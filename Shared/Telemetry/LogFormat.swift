import JSON

/// How a line of the log is written.
package enum LogFormat: String, CaseIterable, Sendable {
    /// `time=… level=info msg="…" key=value`, for eyes and for the tools that know logfmt.
    case logfmt
    /// One JSON object per line.
    case json

    /// One line without its line end, of at most `limit` bytes and a few more for the mark that something is missing.
    ///
    /// A field that would make the line too long is cut to what is left, and what follows it is left out.
    func line(_ fields: [(name: String, value: String)], limit: Int) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(256)
        var isCut = false
        if self == .json { line.append(UInt8(ascii: "{")) }
        for (name, value) in fields {
            let room = limit - line.count - name.utf8.count
            guard room > 16 else {
                isCut = true
                break
            }
            let shown = shortened(value, to: room)
            append(name, shown, to: &line)
            isCut = isCut || shown.utf8.count < value.utf8.count
        }
        if isCut { append("cut", "true", to: &line) }
        if self == .json { line.append(UInt8(ascii: "}")) }
        return line
    }

    private func append(_ name: String, _ value: String, to line: inout [UInt8]) {
        switch self {
        case .logfmt:
            if !line.isEmpty { line.append(UInt8(ascii: " ")) }
            line.append(contentsOf: name.utf8.map { isNameByte($0) ? $0 : UInt8(ascii: "_") })
            line.append(UInt8(ascii: "="))
            if needsQuotes(value) {
                JSONValue.write(string: value, to: &line)
            } else {
                line.append(contentsOf: value.utf8)
            }
        case .json:
            if line.count > 1 { line.append(UInt8(ascii: ",")) }
            JSONValue.write(string: name, to: &line)
            line.append(UInt8(ascii: ":"))
            JSONValue.write(string: value, to: &line)
        }
    }

    private func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// Whether a value must stand in quotes; a line end within a value never begins a new line.
    private func needsQuotes(_ value: String) -> Bool {
        value.isEmpty
            || value.utf8.contains { byte in
                byte <= 0x20 || byte == 0x7F || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "=")
                    || byte == UInt8(ascii: "\\")
            }
    }

    /// The beginning of a text whose UTF-8, with its escapes, has at most that many bytes.
    private func shortened(_ text: String, to limit: Int) -> String {
        // A control character becomes six bytes, a quote two: nearly every text is far below the limit.
        guard text.utf8.count > limit / 6 else { return text }
        var bytes = 2
        var end = text.unicodeScalars.startIndex
        for scalar in text.unicodeScalars {
            bytes += scalar.value < 0x20 ? 6 : scalar == "\"" || scalar == "\\" ? 2 : UTF8.width(scalar)
            guard bytes <= limit else { break }
            end = text.unicodeScalars.index(after: end)
        }
        return String(text.unicodeScalars[..<end])
    }
}
