import JSON

/// `split: text`, `by: ","`, `as: name`: the parts of a text between separators.
///
/// `trim` (true unless said otherwise) takes white space from both ends of each part, `omitEmpty` leaves out the empty
/// ones.
struct SplitStep: ValueStep {
    static let keyword = "split"

    let input: Template
    let trims: Bool
    let omitsEmpty: Bool
    let resultName: String

    init?(reading members: inout StepMembers) {
        let text = Template(members.value())
        let separator = members.template("by")
        trims = members.flag("trim", default: true)
        omitsEmpty = members.flag("omitEmpty", default: false)
        if separator == nil { members.reportMissing("by", expected: "what stands between the parts") }
        guard let name = members.resultName(), let separator else { return nil }
        input = .list([text, separator])
        resultName = name
    }

    func result(of input: JSONValue, at site: StepSite, of execution: Execution) throws(SequenceFailure) -> JSONValue {
        let operands = input.arrayValue ?? []
        let text = try (operands.first ?? .null).text(for: "'split'")
        let separator = try (operands.last ?? .null).text(for: "'by'")
        guard !separator.isEmpty else {
            throw SequenceFailure(code: .invalidValue, message: "'by' must not be empty")
        }
        var parts = Self.split(Array(text.utf8), by: Array(separator.utf8))
        if trims { parts = parts.map(Self.trimmed) }
        if omitsEmpty { parts.removeAll(where: \.isEmpty) }
        return .array(parts.map { .string(String(decoding: $0, as: UTF8.self)) })
    }

    private static func split(_ text: [UInt8], by separator: [UInt8]) -> [ArraySlice<UInt8>] {
        var parts: [ArraySlice<UInt8>] = []
        var (start, place) = (0, 0)
        while place + separator.count <= text.count {
            if text[place] == separator[0], text[place..<place + separator.count].elementsEqual(separator) {
                parts.append(text[start..<place])
                place += separator.count
                start = place
            } else {
                place += 1
            }
        }
        parts.append(text[start...])
        return parts
    }

    private static func trimmed(_ part: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let space: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]
        var part = part.drop { space.contains($0) }
        while let last = part.last, space.contains(last) { part.removeLast() }
        return part
    }
}
