import ArgumentParser
import JSON
import Projects
import Sequences

/// A project's files are not right, as `fullsync check` or the endpoint says.
struct WrongProject: Error, CustomStringConvertible, ErrorWithExitCode {
    let description: String
    /// Each with its place, for programs.
    let problems: [JSONValue]
    var exitCode: ExitCode { FailureCode.general }

    init(_ found: ProjectProblems) {
        description = "the project is not right; `fullsync check` says where:\n\(found)"
        problems = found.problems.map(\.json)
    }

    /// - Parameter refusal: That of a deployment; the endpoint has said what is wrong.
    init(_ refusal: EndpointRefusal) {
        description = refusal.description
        problems = refusal.reason.split(separator: "\n").map { Self.problem(String($0)) }
    }

    /// A line like `sequences/a.yaml:1:9: what is wrong`, in parts where it has them.
    private static func problem(_ line: String) -> JSONValue {
        guard let parts = line.wholeMatch(of: /(.+?):(\d+):(\d+): (.*)/), let row = Int(parts.2),
            let column = Int(parts.3)
        else { return ["message": .string(line)] }
        return [
            "file": .string(String(parts.1)), "line": .number(JSONNumber(row)),
            "column": .number(JSONNumber(column)), "message": .string(String(parts.4)), "suggestion": .null,
        ]
    }
}

extension ProjectProblem {
    /// For programs.
    var json: JSONValue {
        [
            "file": .string(file), "line": .number(JSONNumber(line)), "column": .number(JSONNumber(column)),
            "message": .string(message), "suggestion": suggestion.map(JSONValue.string) ?? .null,
        ]
    }
}
