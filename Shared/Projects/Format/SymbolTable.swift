package import JSON
package import Sequences

/// A value that a project takes from where it runs, under `symbols` in `project.yaml`.
package struct Symbol: Sendable, Hashable {
    package let name: String
    package var description: String?
    /// Whether the value may stand in connectors only, and is shown nowhere.
    package var isSecret: Bool
    /// The value when the environment gives none; nil when it must give one.
    package var defaultValue: JSONValue?
    package var position: SourcePosition
    /// Whether its declaration is wrong, which is told where it stands.
    var isFaulty = false
}

extension Symbol {
    /// Where the value of a symbol comes from; nil when it is not set.
    package typealias Lookup = (_ name: String) -> String?

    /// What a symbol is taken for that has neither a value nor a default.
    package typealias Substitute = (_ name: String) -> String
}

/// The symbols of a project with their values, and their use in texts as `${NAME}`.
struct SymbolTable {
    private(set) var symbols: [String: Symbol] = [:]
    private var values: [String: JSONValue] = [:]
    /// Those whose value is not the one that they will have.
    private var unset: Set<String> = []

    /// No symbols: nothing is replaced.
    init() {}

    /// The symbols of `project.yaml`, each with the value that `lookup` gives or its default; one with neither is what
    /// `substitute` says, and a problem when nothing does.
    init(
        _ symbols: [Symbol],
        lookup: Symbol.Lookup,
        substitute: Symbol.Substitute?,
        problems: ProblemCollector
    ) {
        for symbol in symbols {
            self.symbols[symbol.name] = symbol
            if symbol.isFaulty {
                unset.insert(symbol.name)
                values[symbol.name] = ""
            } else if let text = lookup(symbol.name) {
                values[symbol.name] = .string(text)
            } else if let value = symbol.defaultValue {
                values[symbol.name] = value
            } else if let text = substitute?(symbol.name) {
                unset.insert(symbol.name)
                values[symbol.name] = .string(text)
            } else {
                problems.report(
                    "the symbol '\(symbol.name)' has no value and no default",
                    at: symbol.position,
                    suggestion: "set FULLSYNC_SYMBOL_\(symbol.name)"
                )
                values[symbol.name] = ""
            }
        }
    }

    /// What expressions see as `symbols`: the values of those that are not secret.
    var visibleValues: JSONObject {
        JSONObject(
            symbols.values.filter { !$0.isSecret }.sorted { $0.name < $1.name }.map { ($0.name, plainValue($0.name)) }
        )
    }

    /// Whether `${NAME}` is replaced in that file: in all but `project.yaml`, which declares the symbols, and
    /// sequences, whose expressions have them as `symbols.NAME`.
    func applies(to file: String) -> Bool {
        file != "project.yaml" && !file.hasPrefix("sequences/")
    }

    /// The text with the symbols' values in place of `${NAME}`; `$${` is the text `${`.
    ///
    /// A text without quotes that is one symbol and nothing else takes the type of what was put in its place. What has
    /// a symbol in it whose value is not known here is let pass, as nobody can judge the whole.
    func resolve(_ text: String, isPlain: Bool, at position: SourcePosition, problems: ProblemCollector) -> JSONValue {
        guard text.contains("${") else { return isPlain ? YAMLSource.plainValue(text) : .string(text) }
        var isOpen = false
        // Not before all of its symbols are looked at: of each that is wrong it is told.
        defer { if isOpen { problems.pardon(position) } }
        var result = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "${") {
            result += rest[..<start.lowerBound]
            rest = rest[start.upperBound...]
            if result.hasSuffix("$") {
                result += "{"
                continue
            }
            guard let end = rest.firstIndex(of: "}") else {
                problems.report("'${' without '}'", at: position, suggestion: "write $${ for the text ${")
                return .string(text)
            }
            let name = String(rest[..<end])
            rest = rest[rest.index(after: end)...]
            isOpen = isOpen || unset.contains(name)
            guard let value = value(of: name, at: position, problems: problems) else {
                isOpen = true
                continue
            }
            if isPlain, result.isEmpty, rest.isEmpty { return plainValue(name) }
            result += value
        }
        return .string(result + rest)
    }

    /// The first declared symbol that a text mentions as `${NAME}`.
    func symbolMentioned(in text: String) -> String? {
        guard text.contains("${") else { return nil }
        return symbols.keys.sorted().first { text.contains("${\($0)}") }
    }

    private func value(of name: String, at position: SourcePosition, problems: ProblemCollector) -> String? {
        guard let symbol = symbols[name], let value = values[name] else {
            problems.reportUnknown(
                "there is no symbol '\(name)' in project.yaml",
                name: name,
                among: symbols.keys,
                at: position
            )
            return nil
        }
        if symbol.isSecret, !position.file.hasPrefix("connectors/") {
            problems.report("the symbol '\(name)' is secret and may stand in connectors only", at: position)
            return nil
        }
        return value.stringValue ?? value.text
    }

    private func plainValue(_ name: String) -> JSONValue {
        guard let text = values[name]?.stringValue, symbols[name]?.defaultValue != .string(text) else {
            return values[name] ?? .null
        }
        let value = YAMLSource.plainValue(text)
        return value.isNull ? .string(text) : value
    }
}
