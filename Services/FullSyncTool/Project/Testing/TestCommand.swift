import ArgumentParser
import JSON
import Projects

/// `fullsync test`: calls what a project's `tests/` say, and compares what comes.
struct TestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Runs a project's own test cases, on a system of their own that is thrown away.",
        discussion: """
            Cases are in tests/*.yaml of the project:

              cases:
                - name: a note is written for its author
                  call: add-note
                  as: {user: ann, groups: [painters]}
                  with: {text: Buy paint}
                  expect: {id: {$type: string}}

            `expect` is a Mango selector over the answer; `answer` is the whole of it; `fails` is the code of a \
            failure. `within: 5s` repeats the call until it is so. A case without `as` is called by an administrator.

            The private system needs the programs that `fullsync run` needs, and takes symbols from \
            FULLSYNC_SYMBOL_<NAME>. With --running the cases are called on the system that runs here, where the \
            project must be deployed, and what they write stays.

            Ends with 0 when all is as expected, and with 1 otherwise, also when the project is not right.
            """
    )

    @Argument(help: "The project's directory.", completion: .directory)
    var directory: String = "."

    @Flag(help: "Calls what is deployed on the running system.")
    var running = false

    @Option(help: "Only cases whose file or name has this text.")
    var only: String?

    @OptionGroup var report: ReportOptions

    func run() async throws {
        try await report.reporting {
            let files = try ProjectFiles(in: directory)
            let project: Project
            do {
                var unset: [String] = []
                // What is deployed has been checked where its symbols are set; here they matter to no case.
                project = try await CheckCommand.check(files, unset: &unset)
            } catch let error as ProjectProblems {
                throw WrongProject(error)
            }
            let cases = project.tests.filter { test in only.map { test.isNamed($0) } ?? true }
            guard !cases.isEmpty else {
                throw MissingProject(description: "\(project.name) has no \(only == nil ? "" : "such ")test cases")
            }
            let results =
                if running {
                    try await outcomes(of: cases, in: project, AdministeredEndpoint())
                } else {
                    try await PrivateSystem.with { endpoint in
                        try await endpoint.deploy(files)
                        return try await outcomes(of: cases, in: project, endpoint)
                    }
                }
            let failed = results.count { !$0.isRight }
            if report.json {
                report.show(
                    ["cases": .array(results.map(\.json)), "failed": .number(JSONNumber(failed))],
                    ""
                )
            } else {
                let count = "\(results.count) case\(results.count == 1 ? "" : "s")"
                Console().print(failed == 0 ? "\(count), all as expected." : "\(count), \(failed) not as expected.")
            }
            if failed > 0 { throw FailureCode.general }
        }
    }

    /// Calls one case after the other, as later ones may build on earlier ones.
    private func outcomes(
        of cases: [TestCase],
        in project: Project,
        _ endpoint: AdministeredEndpoint
    ) async throws -> [TestOutcome] {
        var outcomes: [TestOutcome] = []
        for test in cases {
            let outcome = try await TestOutcome(calling: test, of: project.name, at: endpoint)
            if !report.json { Console().print(outcome.text(.standard)) }
            outcomes.append(outcome)
        }
        return outcomes
    }
}

extension TestCase {
    fileprivate func isNamed(_ text: String) -> Bool { file.contains(text) || name.contains(text) }
}
