import JSON

extension DocumentBody {
    /// The nearest JSON that JSONB takes, for searching: without U+0000 and with numbers within a double's range.
    var searchable: [UInt8] {
        guard let value = try? JSONValue(parsing: bytes, limits: .unlimited) else { return DocumentBody.empty.bytes }
        return value.searchable.bytes
    }
}

extension JSONValue {
    fileprivate var searchable: JSONValue {
        switch self {
        case .null, .bool: self
        case .number(let number): number.double.isFinite ? .number(JSONNumber(number.double)) : .null
        case .string(let text): .string(Self.withoutZero(text))
        case .array(let elements): .array(elements.map(\.searchable))
        case .object(let members):
            .object(JSONObject(members.map { (Self.withoutZero($0.0), $0.1.searchable) }))
        }
    }

    private static func withoutZero(_ text: String) -> String {
        text.utf8.contains(0) ? String(text.unicodeScalars.map { $0 == "\0" ? "\u{FFFD}" : Character($0) }) : text
    }
}
