/// Writes the Prometheus text exposition format, version 0.0.4.
struct ExpositionWriter {
    private(set) var text = ""

    /// Begins the samples of a name.
    mutating func begin(_ name: String, _ kind: MetricKind, help: String) {
        let escaped = help.map { $0 == "\\" ? "\\\\" : $0.isNewline ? "\\n" : String($0) }.joined()
        text += "# HELP \(name) \(escaped)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// One line: a name, its labels as they are written between the braces, a value.
    mutating func sample(_ name: String, _ labels: String, _ value: String) {
        text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }

    mutating func sample(_ name: String, _ labels: String, _ value: Double) {
        sample(name, labels, value.isInfinite ? (value < 0 ? "-Inf" : "+Inf") : value.isNaN ? "NaN" : "\(value)")
    }
}

/// Makes the names and labels of swift-metrics into those that Prometheus takes.
enum MetricName {
    /// The longest value that a label may have, in characters.
    private static let maximumValueLength = 128

    /// A metric's name: letters, digits, `_` and `:`, no digit first, with the suffix that its kind asks for.
    static func metric(_ label: String, suffix: String) -> String {
        let name = cleaned(label, allowing: ":")
        return name.hasSuffix(suffix) ? name : name + suffix
    }

    /// Labels as they are written between the braces, in the order of their names; of two with one name the later
    /// one counts.
    static func labels(_ dimensions: [(String, String)]) -> String {
        guard !dimensions.isEmpty else { return "" }
        var values: [String: String] = [:]
        for (name, value) in dimensions {
            let label = cleaned(name, allowing: "_")
            // `le` is the histogram's own label.
            values[label == "le" ? "label_le" : label] = value
        }
        return values.sorted { $0.key < $1.key }.map { #"\#($0)="\#(escaped($1))""# }.joined(separator: ",")
    }

    private static func cleaned(_ text: String, allowing extra: Character) -> String {
        // Nearly every name is right as it stands, and is looked at each time when a metric is made.
        if let first = text.utf8.first, !isDigit(first), text.utf8.allSatisfy(isNameByte) { return text }
        let name = String(
            text.map { $0 == extra || $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
        )
        return name.utf8.first.map(isDigit) ?? true ? "_" + name : name
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
        default: isDigit(byte)
        }
    }

    private static func escaped(_ value: String) -> String {
        let isPlain = value.utf8.allSatisfy { byte in
            (0x20..<0x7F).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
        }
        guard !isPlain || value.utf8.count > maximumValueLength else { return value }
        return value.prefix(maximumValueLength).map { character in
            switch character {
            case "\\": "\\\\"
            case "\"": "\\\""
            case _ where character.isNewline: "\\n"
            default: String(character)
            }
        }.joined()
    }
}
