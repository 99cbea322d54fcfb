import JSON
import Sequences
import Yams

/// Reads the text of a YAML file into values that know their places.
///
/// Scalars are read as in YAML 1.2's core schema, restricted to JSON's numbers: `yes`, `on`, `0123`, `0x1F` and dates
/// are strings, because a postal code must not lose its zero. Aliases work; tags and merge keys (`<<`) do not exist.
struct YAMLSource {
    let file: String
    let text: String
    let symbols: SymbolTable
    let problems: ProblemCollector
    private var nodeCount = 0
    private lazy var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)

    /// How deep values may be nested.
    static let depthLimit = 100
    /// How many values a file may hold, aliases written out.
    static let nodeLimit = 100_000
    /// How deep the text may look nested before a parser is let near it, which would use the stack.
    private static let apparentDepthLimit = 500

    init(file: String, text: String, symbols: SymbolTable, problems: ProblemCollector) {
        self.file = file
        self.text = text
        self.symbols = symbols
        self.problems = problems
    }

    /// The file's value, or nil when it cannot be read, which is reported.
    ///
    /// An empty file is null.
    mutating func read() -> SourceNode? {
        let start = SourcePosition(file: file, line: 1, column: 1)
        guard let line = lineNestedTooDeep() else {
            do {
                guard let root = try compose(yaml: text) else { return SourceNode(.scalar(.null), at: start) }
                return convert(root, depth: 0, from: start)
            } catch {
                report(error)
                return nil
            }
        }
        problems.report(
            "values are nested deeper than \(Self.depthLimit)",
            at: SourcePosition(file: file, line: line, column: 1)
        )
        return nil
    }

    /// The first line at which the text may be nested so deep that parsing it is a danger.
    private func lineNestedTooDeep() -> Int? {
        var line = 1
        var open = 0
        var indentation = 0
        var isAtStart = true
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\n"):
                line += 1
                indentation = 0
                isAtStart = true
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                open += 1
                isAtStart = false
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                open = max(0, open - 1)
                isAtStart = false
            case UInt8(ascii: " "), UInt8(ascii: "-"), UInt8(ascii: "?"), UInt8(ascii: ":"):
                if isAtStart { indentation += 1 }
            default: isAtStart = false
            }
            if open > Self.apparentDepthLimit || indentation > 2 * Self.apparentDepthLimit { return line }
        }
        return nil
    }

    private mutating func convert(_ node: Node, depth: Int, from parent: SourcePosition) -> SourceNode? {
        let position = node.mark.map { SourcePosition(file: file, line: $0.line, column: $0.column) } ?? parent
        nodeCount += 1
        guard nodeCount <= Self.nodeLimit else {
            if nodeCount == Self.nodeLimit + 1 {
                problems.report("a file may hold at most \(Self.nodeLimit) values", at: position)
            }
            return nil
        }
        guard depth <= Self.depthLimit else {
            problems.report("values are nested deeper than \(Self.depthLimit)", at: position)
            return nil
        }
        switch node {
        case .scalar(let scalar):
            return SourceNode(
                .scalar(value(of: scalar, at: position)),
                at: position,
                blockStart: scalar.style == .literal ? blockStart(below: position) : nil
            )
        case .sequence(let sequence):
            return SourceNode(
                .list(sequence.compactMap { convert($0, depth: depth + 1, from: position) }),
                at: position
            )
        case .mapping(let mapping):
            var members: [SourceMember] = []
            for (key, value) in mapping {
                if let member = member(key, value, depth: depth, from: position) { members.append(member) }
            }
            return SourceNode(.mapping(members), at: position)
        case .alias:
            problems.report("an alias that leads nowhere", at: position)
            return nil
        }
    }

    /// Where the text of a block begins whose `|` stands at that position.
    private mutating func blockStart(below position: SourcePosition) -> SourcePosition {
        let below = lines.dropFirst(position.line)
        let first = below.first { line in line.contains { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\r") } }
        let indentation = first?.prefix { $0 == UInt8(ascii: " ") }.count ?? 0
        return SourcePosition(file: file, line: position.line + 1, column: indentation + 1)
    }

    private mutating func member(_ key: Node, _ value: Node, depth: Int, from parent: SourcePosition) -> SourceMember? {
        let position = key.mark.map { SourcePosition(file: file, line: $0.line, column: $0.column) } ?? parent
        guard case .scalar(let name) = key else {
            problems.report(
                "the name of a member must be a text",
                at: position,
                suggestion: "a value that begins with '{' needs quotes"
            )
            return nil
        }
        guard name.string != "<<" else {
            problems.report("merge keys ('<<') are not supported", at: position)
            return nil
        }
        guard let node = convert(value, depth: depth + 1, from: position) else { return nil }
        return SourceMember(name: name.string, position: position, node: node)
    }

    private func value(of scalar: Node.Scalar, at position: SourcePosition) -> JSONValue {
        let tag = scalar.tag.description
        let isText = scalar.style != .plain || tag == Tag.Name.str.rawValue
        if !["", "!", Tag.Name.str.rawValue].contains(tag) {
            problems.report("tags ('!') are not supported", at: position)
        }
        guard symbols.applies(to: file), scalar.string.utf8.first != UInt8(ascii: "=") else {
            return isText ? .string(scalar.string) : Self.plainValue(scalar.string)
        }
        return symbols.resolve(scalar.string, isPlain: !isText, at: position, problems: problems)
    }

    /// The value of a scalar without quotes.
    static func plainValue(_ text: String) -> JSONValue {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return true
        case "false", "False", "FALSE": return false
        default:
            guard let first = text.utf8.first, first == UInt8(ascii: "-") || (0x30...0x39).contains(first),
                let value = try? JSONValue(parsing: text), case .number = value
            else { return .string(text) }
            return value
        }
    }
}

extension YAMLSource {
    /// Reports an error of the YAML parser in the words of this project.
    private func report(_ error: any Error) {
        var line = 1
        var column = 1
        var message = "is no YAML"
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            (line, column) = (mark.line, mark.column)
            let parts = [context?.text ?? "", problem].filter { !$0.isEmpty }
            message = "is no YAML: \(parts.joined(separator: ", "))"
        case .duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.map { "'\($0)'" }
            (line, column) = (context.mark.line, context.mark.column)
            message =
                names.count == 1
                ? "the member \(names[0]) stands twice" : "the members \(names.joined(separator: ", ")) stand twice"
        case .reader(let problem, let offset, _, _):
            line = 1 + text.utf8.prefix(offset ?? 0).count { $0 == UInt8(ascii: "\n") }
            message = "is no YAML: \(problem)"
        default: break
        }
        problems.report(
            message,
            at: SourcePosition(file: file, line: max(1, line), column: max(1, column)),
            suggestion: suggestion(forLine: line)
        )
    }

    /// What is most often wrong with a line that is no YAML.
    private func suggestion(forLine line: Int) -> String? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.indices.contains(line - 1) else { return nil }
        let written = lines[line - 1]
        if written.contains("\t") { return "indent with spaces, not tabs" }
        if written.contains("${"), written.contains("{"), !written.contains("\"${") {
            return "write \"${…}\" with quotes inside of { } and [ ]"
        }
        if written.contains(": @") || written.contains(": `") || written.contains(": %") {
            return "a text that begins with @, ` or % needs quotes"
        }
        return nil
    }
}
