extension JSONValue {
    /// The value as compact JSON text: no white space, members in their order, numbers as they were written.
    public var text: String {
        String(decoding: bytes, as: UTF8.self)
    }

    /// The value as compact JSON text in UTF-8.
    public var bytes: [UInt8] {
        var output: [UInt8] = []
        write(to: &output)
        return output
    }

    /// The value as JSON text for people: a line for each member and element, indented by two spaces.
    public var prettyText: String {
        var output: [UInt8] = []
        writePretty(to: &output, indentation: 0)
        return String(decoding: output, as: UTF8.self)
    }

    /// Appends the value as compact JSON text in UTF-8.
    public func write(to output: inout [UInt8]) {
        switch self {
        case .null: output.append(contentsOf: "null".utf8)
        case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let value): output.append(contentsOf: value.text.utf8)
        case .string(let value): Self.write(string: value, to: &output)
        case .array(let values):
            output.append(UInt8(ascii: "["))
            var isFirst = true
            for value in values {
                if !isFirst { output.append(UInt8(ascii: ",")) }
                isFirst = false
                value.write(to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let members): members.write(to: &output)
        }
    }

    private func writePretty(to output: inout [UInt8], indentation: Int) {
        func line(_ level: Int) {
            output.append(UInt8(ascii: "\n"))
            output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * level))
        }
        switch self {
        case .array(let values) where !values.isEmpty:
            output.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                line(indentation + 1)
                value.writePretty(to: &output, indentation: indentation + 1)
            }
            line(indentation)
            output.append(UInt8(ascii: "]"))
        case .object(let members) where !members.isEmpty:
            output.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                line(indentation + 1)
                Self.write(string: member.0, to: &output)
                output.append(contentsOf: ": ".utf8)
                member.1.writePretty(to: &output, indentation: indentation + 1)
            }
            line(indentation)
            output.append(UInt8(ascii: "}"))
        default: write(to: &output)
        }
    }

    /// Appends a string as JSON text in UTF-8, with its quotes.
    public static func write(string: String, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        let isDone: Void? = string.utf8.withContiguousStorageIfAvailable { write(content: $0, to: &output) }
        if isDone == nil { Array(string.utf8).withUnsafeBufferPointer { write(content: $0, to: &output) } }
        output.append(UInt8(ascii: "\""))
    }

    /// Appends what stands between the quotes, the runs that need no escape in one piece each.
    private static func write(content: UnsafeBufferPointer<UInt8>, to output: inout [UInt8]) {
        var start = 0
        for position in content.indices {
            let byte = content[position]
            guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
            output.append(contentsOf: UnsafeBufferPointer(rebasing: content[start..<position]))
            start = position + 1
            output.append(UInt8(ascii: "\\"))
            switch byte {
            case 0x0A: output.append(UInt8(ascii: "n"))
            case 0x0D: output.append(UInt8(ascii: "r"))
            case 0x09: output.append(UInt8(ascii: "t"))
            case 0x00..<0x20:
                output.append(contentsOf: "u00".utf8)
                output.append(hexDigit(byte >> 4))
                output.append(hexDigit(byte & 0xF))
            default: output.append(byte)
            }
        }
        output.append(contentsOf: UnsafeBufferPointer(rebasing: content[start...]))
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x57 + value
    }
}

extension JSONObject {
    /// Appends the object as compact JSON text in UTF-8.
    public func write(to output: inout [UInt8]) {
        output.append(UInt8(ascii: "{"))
        var isFirst = true
        for (name, value) in self {
            if !isFirst { output.append(UInt8(ascii: ",")) }
            isFirst = false
            JSONValue.write(string: name, to: &output)
            output.append(UInt8(ascii: ":"))
            value.write(to: &output)
        }
        output.append(UInt8(ascii: "}"))
    }
}
