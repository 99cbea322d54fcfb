import JSON
package import Sequences

/// A piece of JavaScript in a project's files, to be compiled before it is ever run.
package struct ProjectScript: Sendable, Hashable {
    /// What the text is to be.
    package enum Form: String, Sendable, Hashable {
        /// An expression of a sequence.
        case expression
        /// The statements of a step `js`.
        case statements
        /// A function of a design document.
        case function
        /// A CommonJS module, of a design document or of all expressions.
        case module
    }

    /// What is wrong with a text.
    package struct Fault: Sendable, Hashable {
        /// The line of the text, from 1; nil when that is not known.
        package let line: Int?
        /// What is wrong, in the engine's words.
        package let message: String

        package init(line: Int?, message: String) {
            self.line = line
            self.message = message
        }
    }

    package let form: Form
    package let text: String
    /// Where the text begins.
    package let position: SourcePosition
    /// Whether its lines are lines of the file; otherwise nothing but its beginning has a known place.
    package let hasLines: Bool

    package init(form: Form, text: String, position: SourcePosition, hasLines: Bool) {
        self.form = form
        self.text = text
        self.position = position
        self.hasLines = hasLines
    }

    /// The fault as a problem of the project.
    func problem(_ fault: Fault) -> ProjectProblem {
        let subject =
            switch form {
            case .expression: "an expression is no JavaScript"
            case .statements: "the code is no JavaScript"
            case .function, .module: "is no JavaScript"
            }
        return ProjectProblem(at: position(ofLine: fault.line ?? 1), "\(subject): \(fault.message)")
    }
}

extension ProjectScript {
    /// What is wrong with a text that is JavaScript; nil when nothing is.
    ///
    /// A function's text has to be one by its looks: nothing is run to find out.
    var shapeProblem: ProjectProblem? {
        guard form == .function, let parameters, let fault = FunctionShape.fault(in: text) else { return nil }
        return ProjectProblem(
            at: position(ofLine: fault.line),
            "is no function, but \(fault.found)",
            suggestion: "write function (\(parameters)) { … }"
        )
    }

    /// What the function gets that the file is for; nil for one that stands where nobody reads it.
    private var parameters: String? {
        // databases/<name>/design/<document>/…
        let names = position.file.split(separator: "/").dropFirst(4)
        return switch (names.first, names.last, names.count) {
        case ("validate_doc_update.js", _, 1): "newDoc, oldDoc, userCtx, secObj"
        case ("views", "reduce.js", 3): "keys, values, rereduce"
        case ("views", "map.js", 3): "doc"
        case ("filters", _, 2), ("updates", _, 2): "doc, req"
        default: nil
        }
    }
}

extension Project {
    /// All of its JavaScript, in the order of files and lines.
    package var scripts: [ProjectScript] {
        let steps = sequences.values.flatMap { $0.body.allSteps.flatMap(\.scripts) }
        let written = steps.filter { !$0.source.allSatisfy(\.isWhitespace) }.map { script in
            ProjectScript(
                form: script.form == .expression ? .expression : .statements,
                text: script.source,
                position: script.start,
                hasLines: script.blockStart != nil
            )
        }
        return (written + shared + databases.values.flatMap(\.scripts)).sorted { $0.position < $1.position }
    }

    /// The modules of its folder `scripts`.
    private var shared: [ProjectScript] {
        modules.map { name, text in
            let position = SourcePosition(file: "scripts/\(name).js", line: 1, column: 1)
            return ProjectScript(form: .module, text: text.stringValue ?? "", position: position, hasLines: true)
        }
    }

    /// The modules that its expressions and modules name and that there are not.
    func checkModules(_ problems: ProblemCollector) {
        for script in scripts where script.form != .function && !script.position.file.hasPrefix("databases/") {
            for (name, line) in script.required where modules[name] == nil {
                problems.reportUnknown(
                    "there is no script '\(name)'",
                    name: name,
                    among: modules.names,
                    at: script.position(ofLine: line)
                )
            }
        }
    }
}

extension ProjectScript {
    /// What it asks of `require` by a name that is written out, with the line of each.
    ///
    /// Nothing of a text that does more with `require` than call it: one that declares a `require` of its own, as
    /// bundles do, or looks whether there is one. Nor of what stands in a `try`: that may do without.
    fileprivate var required: [(name: String, line: Int)] {
        guard text.contains("require"), let tokens = JavaScriptTokens.of(text) else { return [] }
        func word(at place: Int) -> String { tokens.indices.contains(place) ? tokens[place].text : "" }
        let places = tokens.indices.filter { place in
            tokens[place].kind == .word && tokens[place].text == "require"
                && ![".", "?."].contains(word(at: place - 1))
        }
        guard places.allSatisfy({ word(at: $0 + 1) == "(" && word(at: $0 - 1) != "function" }) else { return [] }
        let guarded = tokens.indices.compactMap { place in
            guard word(at: place) == "try", word(at: place + 1) == "{" else { return nil as ClosedRange<Int>? }
            return tokens[place + 1].partner.map { place...$0 }
        }
        return places.compactMap { place in
            let name = word(at: place + 2)
            guard word(at: place + 3) == ")", name.first == "'" || name.first == "\"",
                !guarded.contains(where: { $0.contains(place) })
            else { return nil }
            let path = name.dropFirst().dropLast()
            return (String(path.hasPrefix("./") ? path.dropFirst(2) : path), tokens[place].line)
        }
    }

    /// Where a line of the text stands, as well as that is known.
    func position(ofLine line: Int) -> SourcePosition {
        SourcePosition(file: position.file, line: position.line + (hasLines ? line - 1 : 0), column: position.column)
    }
}
