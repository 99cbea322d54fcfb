import ArgumentParser
import Foundation
import Projects
import Settings

/// `fullsync check`: what is wrong with a project, with file and line.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Checks a project's files, and names everything that is wrong with file, line and column.",
        discussion: """
            Symbols are taken from FULLSYNC_SYMBOL_<NAME>, as the services do; a symbol without a value here is no \
            mistake of the project and is taken as empty.
            """
    )

    @Argument(help: "The project's directory.", completion: .directory)
    var directory: String = "."

    func run() async throws {
        try await reportingFailure {
            let reader = try SettingReader.ofThisProcess()
            let files = try DemoProject.files(in: directory)
            do throws(ProjectProblems) {
                let project = try Project.read(files) { name in (try? reader.symbol(name)?.reveal()) ?? "" }
                Console().print("\(project.name): \(files.count) files, nothing wrong.")
            } catch {
                for problem in error.problems { Console().print("\(problem)") }
                Console().print("\(error.problems.count) problem\(error.problems.count == 1 ? "" : "s").")
                throw FailureCode.general
            }
        }
    }
}
