import JSON
import Sequences

/// Checks the steps of one sequence against the rest of the project.
struct SequenceChecks {
    let sequence: SequenceDefinition
    let checks: ProjectChecks

    private var problems: ProblemCollector { checks.problems }

    func check() {
        let steps = sequence.body.allSteps
        let names = Set(sequence.variables.map(\.name)).union(steps.flatMap(\.action.bindings))
        for step in steps {
            for call in step.action.calls { check(call) }
            for script in step.scripts { check(script, names: names) }
        }
    }

    private func check(_ call: StepCall) {
        switch call.target {
        case .transaction(let reference):
            guard let connector = checks.project.connectors[reference.connector] else {
                let names = checks.layout.connectors.map(\.name)
                guard !names.contains(reference.connector) else { return }
                problems.reportUnknown(
                    "there is no connector '\(reference.connector)'",
                    name: reference.connector,
                    among: names,
                    at: call.position
                )
                return
            }
            guard let variables = connector.variables(ofTransaction: reference.transaction) else {
                guard checks.isWhole(connector.position.file) else { return }
                problems.reportUnknown(
                    "the connector '\(reference.connector)' has no transaction '\(reference.transaction)'",
                    name: reference.transaction,
                    among: connector.transactionNames,
                    at: call.position
                )
                return
            }
            check(call, variables: variables, of: "the transaction '\(reference)'")
            if case .fullSync = connector.kind { checkWords(of: call, reference) }
        case .sequence(let reference):
            guard let called = checks.sequence(reference, at: call.position), checks.isWhole(called.position.file)
            else { return }
            check(call, variables: called.variables, of: "the sequence '\(reference)'")
        }
    }

    /// Compares what a call gives with what is taken: names, what is required, and the types of literal values.
    private func check(_ call: StepCall, variables: [VariableDefinition], of target: String) {
        guard let names = call.variableNames else { return }
        for name in names where !variables.contains(where: { $0.name == name }) {
            problems.reportUnknown(
                "\(target) has no variable '\(name)'",
                name: name,
                among: variables.map(\.name),
                at: call.argumentsPosition
            )
        }
        for variable in variables {
            guard names.contains(variable.name) else {
                if variable.isRequired {
                    problems.report("\(target) requires the variable '\(variable.name)'", at: call.argumentsPosition)
                }
                continue
            }
            guard let value = call.arguments.literal(of: variable.name) else { continue }
            do {
                _ = try variable.bind(value)
            } catch {
                problems.report("\(target) cannot be called so: \(error.message)", at: call.argumentsPosition)
            }
        }
    }
}

extension SequenceChecks {
    /// Finds words that the transactions on documents do not know, such as a policy that is none.
    private func checkWords(of call: StepCall, _ reference: TransactionReference) {
        guard !problems.isDeployed, let transaction = FullSyncTransaction(rawValue: reference.transaction)
        else { return }
        for variable in transaction.variables {
            guard let value = call.arguments.literal(of: variable.name), !value.isNull,
                let fault = transaction.fault(of: value, for: variable.name)
            else { continue }
            problems.report(
                "the transaction '\(reference)' cannot be called so: \(fault.message)",
                at: call.argumentsPosition,
                suggestion: fault.suggestion
            )
        }
    }
}

extension Template {
    /// The value of a member that holds no expression.
    fileprivate func literal(of name: String) -> JSONValue? {
        switch self {
        case .literal(let value): return value[name]
        case .object(let members):
            guard case .literal(let value) = members.first(where: { $0.name == name })?.value else { return nil }
            return value
        default: return nil
        }
    }
}

extension SequenceChecks {
    /// What expressions see besides the names of the sequence.
    private static let builtInNames = ["user", "groups", "run", "symbols"]
    /// Globals of JavaScript that an expression may begin with.
    private static let globals: Set<String> = [
        "Array", "Boolean", "Date", "Error", "Infinity", "JSON", "Map", "Math", "NaN", "Number", "Object", "RegExp",
        "Set",
        "String", "Symbol", "decodeURIComponent", "encodeURIComponent", "false", "globalThis", "isNaN", "null",
        "parseFloat",
        "parseInt", "this", "true", "undefined",
    ]

    /// Finds what can be told without an engine: an empty expression, a name that nothing sets, a symbol that is not
    /// there.
    ///
    /// A name is only looked at when the expression is one path like `order.status`, which has no names of its own.
    private func check(_ script: Script, names: Set<String>) {
        if script.source.allSatisfy(\.isWhitespace) {
            problems.report("an expression is empty", at: script.position, suggestion: #"write "\\=" for the text '='"#)
        }
        if !script.source.contains("`"), let name = checks.symbols.symbolMentioned(in: script.source) {
            problems.report(
                "symbols are not replaced in expressions",
                at: script.position,
                suggestion: "write symbols.\(name)"
            )
        }
        for name in symbolNames(in: script.source) { checkSymbol(name, at: script.position) }
        guard script.form == .expression, let root = pathRoot(of: script.source) else { return }
        guard !names.contains(root), !Self.builtInNames.contains(root), !Self.globals.contains(root) else { return }
        problems.reportUnknown(
            "nothing is called '\(root)' in this sequence",
            name: root,
            among: names.union(Self.builtInNames),
            at: script.position
        )
    }

    private func checkSymbol(_ name: String, at position: SourcePosition) {
        guard let symbol = checks.symbols.symbols[name] else {
            problems.reportUnknown(
                "there is no symbol '\(name)' in project.yaml",
                name: name,
                among: checks.symbols.symbols.keys,
                at: position
            )
            return
        }
        if symbol.isSecret {
            problems.report("the symbol '\(name)' is secret and may stand in connectors only", at: position)
        }
    }

    /// The names after `symbols.`, unless the sequence has a variable of that name.
    private func symbolNames(in source: String) -> [String] {
        guard !sequence.variables.contains(where: { $0.name == "symbols" }) else { return [] }
        var names: [String] = []
        var rest = source[...]
        var previous: Character?
        while let found = rest.firstRange(of: "symbols.") {
            let before = found.lowerBound > rest.startIndex ? rest[rest.index(before: found.lowerBound)] : previous
            rest = rest[found.upperBound...]
            previous = "."
            let isWhole = before.map { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "$" || $0 == ".") } ?? true
            let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "$") }
            if isWhole, !name.isEmpty { names.append(String(name)) }
        }
        return names
    }

    /// The first name of an expression that is a path like `order.lines[0].part`; nil for any other.
    private func pathRoot(of source: String) -> String? {
        let text = source.drop(while: \.isWhitespace)
        let trimmed = String(text.reversed().drop(while: \.isWhitespace).reversed())
        let root = trimmed.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "$") }
        guard Names.isVariable(String(root)) else { return nil }
        let isPath = trimmed.dropFirst(root.count).allSatisfy { character in
            character.isLetter || character.isNumber || "._$?[]".contains(character)
        }
        return isPath ? String(root) : nil
    }
}
