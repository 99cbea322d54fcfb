import Foundation
import FoundationXML
package import JSON

/// Makes JSON of XML.
///
/// An element without attributes and children is its text. Any other is an object: attributes are members `@name`,
/// children are members of their names, a list where one name stands for several, and text beside them is `#text`. The
/// order of children that have different names is lost. A document is an object with its root as the one member.
///
/// Document types are refused, and with them entities that other files or many copies stand for.
package struct XMLReader: Sendable {
    /// How the names of elements and attributes are taken.
    package enum Namespaces: String, Sendable, CaseIterable {
        /// Without their prefixes and without the declarations of these.
        case strip
        /// As they are written.
        case keep
    }

    package var namespaces = Namespaces.strip
    /// Elements that are lists even where there is one of them.
    package var lists: Set<String> = []

    /// How deep elements may be nested.
    package static let depthLimit = 100

    package init(namespaces: Namespaces = .strip) {
        self.namespaces = namespaces
    }

    /// The value of a document, in the encoding that it says.
    package func value(of bytes: [UInt8]) throws(XMLError) -> JSONValue {
        try value(of: String(decoding: try XMLEncoding.utf8(bytes), as: UTF8.self))
    }

    /// The value of a document.
    package func value(of text: String) throws(XMLError) -> JSONValue {
        let tree = XMLTree(self)
        let parser = XMLParser(data: Data(try Self.content(of: text).utf8))
        parser.delegate = tree
        // What is wrong with the content first. Of what follows the root the parser speaks by its error alone.
        guard parser.parse(), parser.parserError == nil, tree.error == nil, let root = tree.root else {
            throw tree.error ?? XMLError("it is not well-formed", line: max(1, parser.lineNumber))
        }
        return root
    }

    /// The text from the root element on, behind as many line ends as stood before it: the encoding that a declaration
    /// names was that of bytes, which are a text now.
    private static func content(of text: String) throws(XMLError) -> String {
        // By bytes, as the parser reads it: with an accent behind it, a `>` is another character to Swift.
        var rest = text[...].utf8
        while true {
            rest = rest.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
            let end: String
            if rest.starts(with: "\u{FEFF}".utf8) {
                end = "\u{FEFF}"
            } else if rest.starts(with: "<?".utf8) {
                end = "?>"
            } else if rest.starts(with: "<!--".utf8) {
                end = "-->"
            } else {
                break
            }
            guard let range = rest.firstRange(of: Array(end.utf8)) else { break }
            rest = rest[range.upperBound...]
        }
        let lines = text.utf8[..<rest.startIndex].count { $0 == 0x0A }
        guard String(decoding: rest.prefix(9), as: UTF8.self).uppercased() != "<!DOCTYPE" else {
            throw XMLError("it has a document type, which is not read", line: lines + 1)
        }
        return String(repeating: "\n", count: lines) + String(Substring(rest))
    }
}

/// Puts the value together while the parser goes through the text.
private final class XMLTree: NSObject, XMLParserDelegate {
    private struct Element {
        let name: String
        var members: JSONObject
        var text = ""
    }

    private let reader: XMLReader
    private var open: [Element] = []
    private(set) var root: JSONValue?
    private(set) var error: XMLError?

    init(_ reader: XMLReader) {
        self.reader = reader
    }

    func parser(
        _ parser: XMLParser,
        didStartElement name: String,
        namespaceURI: String?,
        qualifiedName: String?,
        attributes: [String: String]
    ) {
        guard open.count < XMLReader.depthLimit else {
            error = XMLError("elements are nested deeper than \(XMLReader.depthLimit)", line: parser.lineNumber)
            return parser.abortParsing()
        }
        var members = JSONObject()
        let isKept = { (name: String) in
            self.reader.namespaces == .keep || name != "xmlns" && !name.beginsExactly(with: "xmlns:")
        }
        for (name, value) in attributes.sorted(by: { $0.key < $1.key }) where isKept(name) {
            members["@" + shown(name)] = .string(value)
        }
        open.append(Element(name: shown(name), members: members))
    }

    // What a document type declares. None gets here; if one did, what it stands for would be missing from the text.

    func parser(_ parser: XMLParser, foundInternalEntityDeclarationWithName name: String, value: String?) {
        refuse(parser)
    }

    func parser(
        _ parser: XMLParser,
        foundExternalEntityDeclarationWithName name: String,
        publicID: String?,
        systemID: String?
    ) {
        refuse(parser)
    }

    func parser(_ parser: XMLParser, resolveExternalEntityName name: String, systemID: String?) -> Data? {
        refuse(parser)
        return nil
    }

    private func refuse(_ parser: XMLParser) {
        error = XMLError("it declares an entity, which is not read", line: parser.lineNumber)
        parser.abortParsing()
    }

    func parser(_ parser: XMLParser, foundCharacters text: String) {
        guard !open.isEmpty else { return }
        open[open.count - 1].text += text
    }

    func parser(_ parser: XMLParser, foundCDATA data: Data) {
        guard !open.isEmpty else { return }
        open[open.count - 1].text += String(decoding: data, as: UTF8.self)
    }

    func parser(
        _ parser: XMLParser,
        didEndElement name: String,
        namespaceURI: String?,
        qualifiedName: String?
    ) {
        guard let element = open.popLast() else { return }
        let value = value(of: element)
        guard !open.isEmpty else {
            root = [element.name: value]
            return
        }
        open[open.count - 1].members.add(value, named: element.name, asList: reader.lists.contains(element.name))
    }

    private func value(of element: Element) -> JSONValue {
        guard !element.members.isEmpty else { return .string(element.text) }
        var members = element.members
        if element.text.contains(where: { !$0.isWhitespace }) { members["#text"] = .string(element.text) }
        return .object(members)
    }

    private func shown(_ name: String) -> String {
        guard reader.namespaces == .strip, let colon = name.lastIndex(of: ":") else { return name }
        return String(name[name.index(after: colon)...])
    }
}

extension JSONObject {
    /// Adds a child; of several with one name a list becomes.
    fileprivate mutating func add(_ value: JSONValue, named name: String, asList isList: Bool) {
        switch self[name] {
        case nil: self[name] = isList ? .array([value]) : value
        // Taken out first, so that long lists are not copied for each of their elements.
        case .array(var list)?:
            self[name] = .null
            list.append(value)
            self[name] = .array(list)
        case let first?: self[name] = .array([first, value])
        }
    }
}
