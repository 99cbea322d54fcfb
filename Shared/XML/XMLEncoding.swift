/// In which bytes a document is written.
enum XMLEncoding {
    /// The document in UTF-8: what its byte order mark says, or its declaration, else UTF-8.
    static func utf8(_ bytes: [UInt8]) throws(XMLError) -> [UInt8] {
        if bytes.starts(with: [0xFE, 0xFF]) { return try utf16(bytes.dropFirst(2), isBigEndian: true) }
        if bytes.starts(with: [0xFF, 0xFE]) { return try utf16(bytes.dropFirst(2), isBigEndian: false) }
        let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
        switch declared(text) {
        case nil, "utf-8"?, "us-ascii"?, "ascii"?:
            guard String(validating: text, as: UTF8.self) != nil else { throw XMLError("it is not UTF-8") }
            return text
        case "iso-8859-1"?, "latin1"?:
            return Array(String(String.UnicodeScalarView(text.map { Unicode.Scalar($0) })).utf8)
        case .some: throw XMLError("its encoding is none of UTF-8, UTF-16 and ISO-8859-1")
        }
    }

    private static func utf16(_ bytes: ArraySlice<UInt8>, isBigEndian: Bool) throws(XMLError) -> [UInt8] {
        let all = Array(bytes)
        guard all.count.isMultiple(of: 2) else { throw XMLError("it is not UTF-16") }
        let units = stride(from: 0, to: all.count, by: 2).map { index in
            let (first, second) = (UInt16(all[index]), UInt16(all[index + 1]))
            return isBigEndian ? first << 8 | second : second << 8 | first
        }
        guard let text = String(validating: units, as: UTF16.self) else { throw XMLError("it is not UTF-16") }
        return Array(text.utf8)
    }

    /// The `encoding` of the declaration, in lower case.
    private static func declared(_ bytes: [UInt8]) -> String? {
        guard bytes.starts(with: "<?xml".utf8) else { return nil }
        let head = String(decoding: bytes.prefix(200).prefix { $0 != UInt8(ascii: ">") }, as: UTF8.self)
        guard let start = head.firstRange(of: "encoding") else { return nil }
        let rest = head[start.upperBound...].drop { $0.isWhitespace || $0 == "=" }
        guard let quote = rest.first, quote == "\"" || quote == "'" else { return nil }
        return rest.dropFirst().prefix { $0 != quote }.lowercased()
    }
}
