package import JSON

/// Makes XML of JSON.
package enum XMLWriter {
    private static let declaration = #"<?xml version="1.0" encoding="UTF-8"?>"#

    /// The document that a value means, which is an object with one member, the root element.
    ///
    /// The opposite of ``XMLReader``: members `@name` are attributes, `#text` is text, a list is an element for each of
    /// its values, and null an element without content.
    ///
    /// - Throws: For a name or a character that XML does not have.
    package static func document(of value: JSONValue) throws(XMLError) -> String {
        guard case .object(let members) = value, members.count == 1, let name = members.names.first,
            let root = members[name], root.arrayValue == nil, !name.beginsExactly(with: "@"), name != "#text"
        else { throw XMLError("a document is an object with one member, its root element") }
        var text = declaration
        try write(root, as: name, to: &text)
        return text
    }

    private static func write(_ value: JSONValue, as name: String, to text: inout String) throws(XMLError) {
        if case .array(let values) = value {
            for value in values {
                guard value.arrayValue == nil else {
                    throw XMLError("the element '\(name)' is a list in a list")
                }
                try write(value, as: name, to: &text)
            }
            return
        }
        guard isName(name) else { throw XMLError("'\(name)' is no name of an element") }
        text += "<\(name)"
        var content = ""
        if case .object(let members) = value {
            for (name, value) in members {
                if name == "#text" {
                    content += try escaped(try scalar(value, of: name), inAttribute: false)
                } else if let attribute = name.rest(behind: "@") {
                    // What is not there has no attribute.
                    guard !value.isNull else { continue }
                    guard isName(attribute) else {
                        throw XMLError("'\(attribute)' is no name of an attribute")
                    }
                    text += " \(attribute)=\"\(try escaped(try scalar(value, of: name), inAttribute: true))\""
                } else {
                    try write(value, as: name, to: &content)
                }
            }
        } else {
            content = try escaped(try scalar(value, of: name), inAttribute: false)
        }
        text += content.isEmpty ? "/>" : ">\(content)</\(name)>"
    }

    private static func scalar(_ value: JSONValue, of name: String) throws(XMLError) -> String {
        switch value {
        case .null: return ""
        case .string(let text): return text
        case .bool, .number: return value.text
        case .array, .object: throw XMLError("'\(name)' must be text, found \(value.typeName)")
        }
    }

    /// A text as it stands within an element or, in quotes, an attribute.
    package static func escaped(_ text: String) throws(XMLError) -> String {
        try escaped(text, inAttribute: true)
    }

    private static func escaped(_ text: String, inAttribute: Bool) throws(XMLError) -> String {
        guard text.unicodeScalars.allSatisfy(isCharacter) else {
            throw XMLError("a text has characters that XML does not have")
        }
        return Self.escape(text, inAttribute: inAttribute)
    }
}

// MARK: - Any JSON

extension XMLWriter {
    /// Any JSON value as a document, from which it can be told again what it was.
    ///
    /// What is no text has its type in the attribute `type`; elements of lists are `item`. A member whose name XML does
    /// not have is `member` with the name as an attribute. Characters that XML does not have become U+FFFD.
    ///
    /// - Parameter root: The name of the root element.
    package static func typedDocument(of value: JSONValue, root: String) -> String {
        var text = declaration
        writeTyped(value, as: root, to: &text)
        return text
    }

    private static func writeTyped(_ value: JSONValue, as name: String, to text: inout String) {
        let isUsable = isName(name)
        let element = isUsable ? name : "member"
        text += "<\(element)"
        if !isUsable { text += " name=\"\(lenient(name, inAttribute: true))\"" }
        switch value {
        case .string(let content):
            text += ">\(lenient(content))</\(element)>"
            return
        case .null: text += " type=\"null\"/>"
        case .bool, .number: text += " type=\"\(value.typeName)\">\(value.text)</\(element)>"
        case .array(let values):
            text += " type=\"array\">"
            for value in values { writeTyped(value, as: "item", to: &text) }
            text += "</\(element)>"
        case .object(let members):
            text += " type=\"object\">"
            for (name, value) in members { writeTyped(value, as: name, to: &text) }
            text += "</\(element)>"
        }
    }

    private static func lenient(_ text: String, inAttribute: Bool = false) -> String {
        guard !text.unicodeScalars.allSatisfy(isCharacter) else { return escape(text, inAttribute: inAttribute) }
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { scalars.append(isCharacter(scalar) ? scalar : "\u{FFFD}") }
        return escape(String(scalars), inAttribute: inAttribute)
    }
}

// MARK: - What XML has

extension XMLWriter {
    /// XML 1.0, production 2.
    private static func isCharacter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x9, 0xA, 0xD, 0x20...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }

    /// XML 1.0, production 5; bytes beyond ASCII are taken for letters.
    private static func isName(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        return parts.count <= 2
            && parts.allSatisfy { part in
                guard let first = part.first, isLetter(first) else { return false }
                return part.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x2E }
            }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_") || byte >= 0x80
    }

    private static func escape(_ text: String, inAttribute: Bool) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for character in text.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            // A parser makes a line feed of it where it stands as it is.
            case "\r": result += "&#13;"
            case "\"" where inAttribute: result += "&quot;"
            case "'" where inAttribute: result += "&apos;"
            case "\n" where inAttribute: result += "&#10;"
            case "\t" where inAttribute: result += "&#9;"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
