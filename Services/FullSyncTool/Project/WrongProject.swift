import ArgumentParser
import JSON
import Projects

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
        problems = refusal.details
    }
}
