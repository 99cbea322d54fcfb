import JSON
import XML

/// `parseXML: text`, `as: name`: the JSON of an XML document, an object with the root element as its member.
///
/// An element is its text, or an object of its attributes (`@name`), its children and its text (`#text`). A child that
/// comes once is no list, unless `lists: [name, …]` says so. `namespaces` is `strip` (names without prefixes) or
/// `keep`.
struct ParseXMLStep: ValueStep {
    static let keyword = "parseXML"

    let input: Template
    let reader: XMLReader
    let resultName: String

    init?(reading members: inout StepMembers) {
        input = Template(members.value())
        var reader = XMLReader()
        reader.namespaces = members.choice("namespaces", default: .strip)
        reader.lists = Set(members.names("lists"))
        self.reader = reader
        guard let name = members.resultName() else { return nil }
        resultName = name
    }

    func result(of input: JSONValue, at site: StepSite, of execution: Execution) throws(SequenceFailure) -> JSONValue {
        let text = try input.text(for: "'parseXML'")
        do {
            return try reader.value(of: text)
        } catch {
            throw SequenceFailure(code: .invalidValue, message: "the text is no XML that can be read: \(error)")
        }
    }
}

/// `writeXML: {root: …}`, `as: name`: the XML document that a value means, by the rules of `parseXML`.
struct WriteXMLStep: ValueStep, InputStep {
    static let keyword = "writeXML"

    let input: Template
    let resultName: String

    func result(of input: JSONValue, at site: StepSite, of execution: Execution) throws(SequenceFailure) -> JSONValue {
        do {
            return .string(try XMLWriter.document(of: input))
        } catch {
            throw SequenceFailure(code: .invalidValue, message: "the value is no XML document: \(error)")
        }
    }
}
