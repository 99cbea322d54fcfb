import ArgumentParser
import NIOHTTP1

/// `fullsync undeploy`: takes a project away from the running system.
struct UndeployCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undeploy",
        abstract: "Makes a project be live no more: nothing of it can be called, and nothing starts it.",
        discussion: """
            Runs at work end on their version. Its databases, its documents and its versions stay.

            \(AdministeredEndpoint.discussion)
            """
    )

    @Argument(help: "The project.")
    var project: String

    @OptionGroup var report: ReportOptions

    func validate() throws { try ProjectTemplate.checkName(project) }

    func run() async throws {
        try await report.carryOut(
            .init(method: .DELETE, path: ["_fullsync", "projects", project]),
            "\(project) is not live any more"
        )
    }
}
