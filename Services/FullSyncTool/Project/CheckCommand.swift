import ArgumentParser
import JSON
import Projects
import Sequences
import Settings

/// `fullsync check`: what is wrong with a project, with file and line.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Checks a project's files, and names everything that is wrong with file, line and column.",
        discussion: """
            JavaScript is parsed, and nothing of it is run. Symbols are taken from FULLSYNC_SYMBOL_<NAME>, as the \
            services do; one without a value here is named, as no deployment will do without it, and what has it in it \
            is not judged. Ends with 1 when something is wrong.
            """
    )

    @Argument(help: "The project's directory.", completion: .directory)
    var directory: String = "."

    @OptionGroup var report: ReportOptions

    func run() async throws {
        try await report.reporting {
            let files = try ProjectFiles(in: directory)
            var unset: [String] = []
            do {
                let project = try await Self.check(files, unset: &unset)
                let count = files.texts.count
                report.show(
                    [
                        "project": .string(project.name), "files": .number(JSONNumber(count)), "problems": [],
                        "unset": .array(unset.sorted().map(JSONValue.string)),
                    ],
                    (Self.remark(on: unset).map { "\($0)\n" } ?? "")
                        + "\(project.name): \(count) files, nothing wrong."
                )
            } catch let error as ProjectProblems {
                let problems = error.problems
                var lines = problems.map { problem in
                    Paint.standard.problem(problem.position.description.printable, "\(problem)".printable)
                }
                if let remark = Self.remark(on: unset) { lines.append(remark) }
                lines.append("\(problems.count) problem\(problems.count == 1 ? "" : "s").")
                report.show(
                    [
                        "problems": .array(problems.map(\.json)),
                        "unset": .array(unset.sorted().map(JSONValue.string)),
                    ],
                    lines.joined(separator: "\n")
                )
                throw FailureCode.general
            }
        }
    }

    /// What is said of symbols that are not set and have no default; nil when there are none.
    private static func remark(on unset: [String]) -> String? {
        guard !unset.isEmpty else { return nil }
        let names = unset.sorted().map { "FULLSYNC_SYMBOL_\($0)" }.joined(separator: ", ")
        return "Not set here, and so not judged where they stand: \(names)."
    }

    /// The project, with the symbols that this process's environment has, and its JavaScript parsed.
    ///
    /// - Parameter unset: Gets the names of those that it does not have and that have no default.
    static func check(_ files: ProjectFiles, unset: inout [String]) async throws -> Project {
        let reader = try? SettingReader.ofThisProcess()
        var missing: [String] = []
        defer { unset = missing }
        return try await Project.check(files.texts) { name in
            (try? reader?.symbol(name))?.reveal()
        } unset: { name in
            missing.append(name)
            return ""
        } faults: {
            try await ScriptSyntax.faults(of: $0)
        }
    }
}
