import ArgumentParser

/// `fullsync deploy`: makes a project live.
struct DeployCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deploy",
        abstract: "Makes a project live on the running system, on all of its services at once.",
        discussion: """
            The new version is live everywhere, or the old one stays; runs that have begun end on the version that \
            they began on. `fullsync rollback` takes it back.

            Design documents that the version before had and this one has not are deleted, unless they are not as \
            the project had them or another project has them: what is deleted and what is left is said. So is, as a \
            warning, what the project names of other projects and what is not live. Ends with 1 when something is \
            wrong with the project, as `fullsync check` does.

            \(AdministeredEndpoint.discussion)
            """
    )

    @Argument(help: "The project's directory.", completion: .directory)
    var directory: String = "."

    @OptionGroup var report: ReportOptions

    func run() async throws {
        try await report.reporting {
            let deployed = try await AdministeredEndpoint().deploy(ProjectFiles(in: directory))
            report.show(deployed.answer, deployed.description)
        }
    }
}
