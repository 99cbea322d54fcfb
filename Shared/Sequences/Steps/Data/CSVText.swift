import JSON

/// Rows of fields as text, as RFC 4180 describes it, with any separator of one character.
struct CSVText: Sendable {
    let separator: UInt8

    /// Why a text is no table.
    struct Problem: Error {
        let line: Int
        let reason: String
    }

    /// The rows of a text; a mark of the byte order in front of it is skipped, and so are empty lines.
    func rows(of text: String) throws(Problem) -> [(line: Int, fields: [String])] {
        var reader = Reader(bytes: Array(text.utf8), separator: separator)
        return try reader.rows()
    }

    /// The text of rows, each ended as the standard wants it.
    func text(of rows: [[String]]) -> String {
        var output: [UInt8] = []
        for row in rows {
            for (index, field) in row.enumerated() {
                if index > 0 { output.append(separator) }
                write(field, to: &output)
            }
            // A row of one empty field would be read as an empty line.
            if row == [""] { output += [Reader.quote, Reader.quote] }
            output += [0x0D, 0x0A]
        }
        return String(decoding: output, as: UTF8.self)
    }

    private func write(_ field: String, to output: inout [UInt8]) {
        guard field.utf8.contains(where: { $0 == separator || $0 == Reader.quote || $0 == 0x0A || $0 == 0x0D }) else {
            output += field.utf8
            return
        }
        output.append(Reader.quote)
        for byte in field.utf8 {
            if byte == Reader.quote { output.append(byte) }
            output.append(byte)
        }
        output.append(Reader.quote)
    }

    private struct Reader {
        static let quote = UInt8(ascii: "\"")

        let bytes: [UInt8]
        let separator: UInt8
        private var place = 0
        private var line = 1

        init(bytes: [UInt8], separator: UInt8) {
            self.bytes = bytes
            self.separator = separator
            if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { place = 3 }
        }

        mutating func rows() throws(Problem) -> [(line: Int, fields: [String])] {
            var rows: [(line: Int, fields: [String])] = []
            while place < bytes.count {
                if skipLineEnd() { continue }
                let start = line
                var fields = [try field()]
                while place < bytes.count, bytes[place] == separator {
                    place += 1
                    fields.append(try field())
                }
                guard place == bytes.count || skipLineEnd() else {
                    throw Problem(line: line, reason: "there is text behind a closing quotation mark")
                }
                rows.append((start, fields))
            }
            return rows
        }

        private mutating func field() throws(Problem) -> String {
            guard place < bytes.count, bytes[place] == Self.quote else {
                let start = place
                while place < bytes.count, bytes[place] != separator, !isLineEnd(bytes[place]) { place += 1 }
                return String(decoding: bytes[start..<place], as: UTF8.self)
            }
            let start = line
            place += 1
            var content: [UInt8] = []
            while place < bytes.count {
                let byte = bytes[place]
                place += 1
                if byte == Self.quote {
                    guard place < bytes.count, bytes[place] == Self.quote else {
                        return String(decoding: content, as: UTF8.self)
                    }
                    place += 1
                }
                if byte == 0x0A { line += 1 }
                content.append(byte)
            }
            throw Problem(line: start, reason: "a quotation mark is not closed")
        }

        private func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

        /// Passes the end of a line, when there is one.
        private mutating func skipLineEnd() -> Bool {
            guard place < bytes.count, isLineEnd(bytes[place]) else { return false }
            place += bytes[place] == 0x0D && place + 1 < bytes.count && bytes[place + 1] == 0x0A ? 2 : 1
            line += 1
            return true
        }
    }
}
