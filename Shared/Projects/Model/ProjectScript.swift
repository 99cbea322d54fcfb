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
        /// A CommonJS module of a design document.
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
        let line = hasLines ? (fault.line ?? 1) - 1 : 0
        let place = SourcePosition(file: position.file, line: position.line + line, column: position.column)
        return ProjectProblem(at: place, "\(subject): \(fault.message)")
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
        return (written + databases.values.flatMap(\.scripts)).sorted { $0.position < $1.position }
    }
}
