import JSON
import TestSupport
import Testing

@testable import XML

@Suite struct XMLTests {
    @Test(
        arguments: [
            ("<a/>", ["a": ""]),
            ("<a>text</a>", ["a": "text"]),
            ("<a x='1'>text</a>", ["a": ["@x": "1", "#text": "text"]]),
            ("<a><b>1</b><c/><b>2</b></a>", ["a": ["b": ["1", "2"], "c": ""]]),
            ("<a>\n  <b>1</b>\n</a>", ["a": ["b": "1"]]),
            ("<a><![CDATA[<!DOCTYPE b>&]]></a>", ["a": "<!DOCTYPE b>&"]),
            ("<a>&lt;&#228;&amp;</a>", ["a": "<ä&"]),
            (
                "<?xml version='1.0' encoding='ISO-8859-1'?>\n<!-- c -->"
                    + "<a xmlns='urn:x' xmlns:y='urn:y' y:z='ü'><y:b/></a>",
                ["a": ["@z": "ü", "b": ""]]
            ),
        ] as [(String, JSONValue)]
    )
    func `a document is read`(text: String, value: JSONValue) throws {
        #expect(try XMLReader().value(of: text) == value)
    }

    @Test func `encodings are what the document says`() throws {
        let latin = Array("<?xml version='1.0' encoding='ISO-8859-1'?><a>".utf8) + [0xE9] + Array("</a>".utf8)
        #expect(try XMLReader().value(of: latin) == ["a": "é"])
        let wide: [UInt8] = Array("<a>é</a>".utf16).reduce(into: [0xFF, 0xFE]) { bytes, unit in
            bytes += [UInt8(unit & 0xFF), UInt8(unit >> 8)]
        }
        #expect(try XMLReader().value(of: wide) == ["a": "é"])
        let wrong = Array("<a>".utf8) + [0xFF] + Array("</a>".utf8)
        #expect(throws: XMLError.self) { try XMLReader().value(of: wrong) }
        let unknown = Array("<?xml version='1.0' encoding='EBCDIC'?><a/>".utf8)
        #expect(throws: XMLError.self) { try XMLReader().value(of: unknown) }
    }

    @Test(arguments: [
        "<a></b>", "<a b></a>", "<a b=c/>", "<a b='1' b='2'/>", "<a>&#0;</a>", "<a>\u{1}</a>", "<a b='<'/>", "<1/>",
        "<a><![CDATA[x</a>", "<a b='1'c='2'/>", "<a>&amp</a>",
        "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    ])
    func `what is no XML is refused`(text: String) {
        #expect(throws: XMLError.self) { try XMLReader().value(of: text) }
    }

    @Test func `values of other types are written as text`() throws {
        let value: JSONValue = ["a": ["@n": 1, "b": [true, .null, 2.5], "@none": .null]]
        let text = try XMLWriter.document(of: value)
        #expect(text.hasSuffix(#"<a n="1"><b>true</b><b/><b>2.5</b></a>"#))
    }

    @Test func `names keep their prefixes, and single elements are lists, where that is asked for`() throws {
        var reader = XMLReader()
        reader.namespaces = .keep
        reader.lists = ["y:b"]
        let value = try reader.value(of: "<a xmlns:y='urn:y'><y:b>1</y:b></a>")
        #expect(value == ["a": ["@xmlns:y": "urn:y", "y:b": ["1"]]])
    }

    @Test(arguments: [
        ("", 1), ("text", 1), ("<a>", 1), ("<a>\n<b>\n</a>", 3), ("<a>&undefined;</a>", 1), ("<a/><b/>", 1),
        ("<a/>\ntext", 2),
        ("\n<!DOCTYPE a><a/>", 2), ("<?xml version='1.0'?>\n<!doctype a [<!ENTITY e 'x'>]><a>&e;</a>", 2),
        ("<!DOCTYPE\u{200D}r [<!ENTITY a 'x'>]><r>&a;</r>", 1), ("<!DOCTYPE\u{301} r><r/>", 1),
        ("<!--\u{301}-->\n<!DOCTYPE r [<!ENTITY a 'x'>]><r>&a;</r>", 2),
        ("<?p \u{301}?>\n<!DOCTYPE r [<!ENTITY a 'x'>]><r>&a;</r>", 2),
        ("<!-- -->\u{301}<!DOCTYPE r><r/>", 1), (" \u{301}<!DOCTYPE r><r/>", 1),
        (String(repeating: "<a>", count: 101), 1),
    ])
    func `what is no document is refused with its line`(text: String, line: Int) {
        do {
            let value = try XMLReader().value(of: text)
            Issue.record("\(text) was read as \(value)")
        } catch {
            #expect(error.line == line, "\(text): \(error)")
        }
    }

    @Test(arguments: [
        "[]", "{}", #"{"a":1,"b":2}"#, #"{"a":[1,2]}"#, #"{"@a":1}"#, #"{"a":{"b c":1}}"#, #"{"a":{"b":[[1]]}}"#,
        #"{"a":{"@b":[1]}}"#, #"{"a":"\u0000"}"#, #"{"a":{"@":1}}"#, #"{"a":{"1b":1}}"#, #"{"a:b:c":1}"#,
    ])
    func `what means no document is refused`(json: String) throws {
        let value = try JSONValue(parsing: json)
        #expect(throws: XMLError.self) { try XMLWriter.document(of: value) }
    }

    @Test func `a comment and a mark of the byte order stand in front of a document`() throws {
        for text in ["\u{FEFF}<a/>", " \r\n<!--\u{301}--><a/>", "<?p q?>\u{FEFF}\n<!-- - -->\t<a/>"] {
            #expect(try XMLReader().value(of: text) == ["a": ""])
        }
    }

    @Test func `an attribute is one whatever its name begins with`() throws {
        let text = try XMLWriter.document(of: ["a": ["@\u{301}x": 1]])
        #expect(text.utf8.elementsEqual("<?xml version=\"1.0\" encoding=\"UTF-8\"?><a \u{301}x=\"1\"/>".utf8))
    }

    @Test func `what is written is read again`() throws {
        var random = SeededGenerator.announced()
        for _ in 0..<300 {
            let value: JSONValue = ["root": Self.element(depth: 4, &random)]
            let text = try XMLWriter.document(of: value)
            #expect(try XMLReader().value(of: text) == value, "\(text)")
        }
    }

    /// A value as the reader makes them: texts, and objects whose lists have two elements at least.
    private static func element(depth: Int, _ random: inout SeededGenerator) -> JSONValue {
        guard depth > 0, Int.random(in: 0..<3, using: &random) > 0 else { return .string(text(&random)) }
        var members = JSONObject()
        for index in 0..<Int.random(in: 1...4, using: &random) {
            switch Int.random(in: 0..<4, using: &random) {
            case 0: members["@a\(index)"] = .string(text(&random))
            case 1:
                members["l\(index)"] = .array(
                    (0..<Int.random(in: 2...3, using: &random)).map { _ in element(depth: depth - 1, &random) }
                )
            default: members["e\(index)"] = element(depth: depth - 1, &random)
            }
        }
        if Bool.random(using: &random) { members["#text"] = .string("t" + text(&random)) }
        return .object(members)
    }

    private static func text(_ random: inout SeededGenerator) -> String {
        let pieces = ["a", "<", ">", "&", "\"", "'", "\r", "\n", "\t", " ", "é", "𝄞", "]]>", "<!--"]
        return (0..<Int.random(in: 0...5, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
            .joined()
    }

    @Test func `any JSON is written with its types`() {
        let value: JSONValue = [
            "s": "a<b", "n": 1.5, "t": true, "z": .null, "l": [1, []], "a b\"": "\u{1}", "o": [:],
        ]
        #expect(
            XMLWriter.typedDocument(of: value, root: "answer") == """
                <?xml version="1.0" encoding="UTF-8"?><answer type="object"><s>a&lt;b</s><n type="number">1.5</n>\
                <t type="boolean">true</t><z type="null"/><l type="array"><item type="number">1</item>\
                <item type="array"></item></l><member name="a b&quot;">\u{FFFD}</member><o type="object"></o></answer>
                """
        )
    }
}
