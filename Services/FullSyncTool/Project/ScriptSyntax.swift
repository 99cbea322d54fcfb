import Executors
import Foundation
import Projects
import ScriptEngine
import Synchronization

/// Finds what is no JavaScript in a project, in this process: its texts are parsed and never run.
///
/// They are parsed on a thread of their own. One that the engine does not come to an end with ends the command, and
/// the thread goes with the process; how much memory there can be to it follows from how large a project may be.
enum ScriptSyntax {
    private static let timeLimit = Duration.seconds(60)
    /// As much as the script hosts' main thread has, so that what is nested too deep there is here.
    private static let stackSize = 8 << 20

    /// What is wrong with each of them.
    static func faults(of scripts: [ProjectScript]) async throws -> [ProjectScript.Fault?] {
        let outcome = Settlement<[ProjectScript.Fault?]?>()
        let parsed = Parsed()
        let thread = Thread {
            let context = ScriptMachine(callTime: timeLimit).makeContext()
            outcome.settle(
                scripts.enumerated().map { index, script in
                    parsed.place.store(index, ordering: .relaxed)
                    return context.fault(in: script)
                }
            )
        }
        thread.name = "syntax"
        thread.stackSize = stackSize
        thread.start()
        let alarm = Task {
            try await Task.sleep(for: timeLimit)
            outcome.settle(nil)
        }
        defer { alarm.cancel() }
        guard let faults = await outcome.value() else {
            let script = scripts[parsed.place.load(ordering: .relaxed)]
            throw EndlessScript(description: "\(script.position): the JavaScript takes too long to be parsed")
        }
        return faults
    }
}

/// Which text is being parsed.
private final class Parsed: Sendable {
    let place = Atomic(0)
}

/// A text with which the engine does not come to an end.
private struct EndlessScript: Error, CustomStringConvertible {
    let description: String
}

extension ScriptContext {
    fileprivate func fault(in script: ProjectScript) -> ProjectScript.Fault? {
        syntaxFault(in: script.text, as: SyntaxForm(script.form))
            .map { ProjectScript.Fault(line: $0.line, message: $0.message) }
    }
}

extension SyntaxForm {
    fileprivate init(_ form: ProjectScript.Form) {
        switch form {
        case .expression: self = .expression
        case .statements: self = .statements
        case .function: self = .function
        case .module: self = .module
        }
    }
}
