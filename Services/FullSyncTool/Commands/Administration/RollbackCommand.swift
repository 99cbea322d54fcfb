import ArgumentParser
import JSON
import NIOHTTP1

/// `fullsync rollback`: makes an earlier version of a project live again.
struct RollbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Makes the files of an earlier version of a project live again, as a new version.",
        discussion: """
            Without a version it is the one before the live one. A version that has the live one's files changes \
            nothing. Runs that have begun end on the version that they \
            began on. Documents stay as they are. The project's design documents are those of the version; what the \
            live one had besides is deleted, unless it is not as the project had it or another project has it.

            \(AdministeredEndpoint.discussion)
            """
    )

    @Argument(help: "The project.")
    var project: String

    @Argument(help: "The version whose files are meant.")
    var version: Int?

    @Flag(help: "Shows the versions that there are, and changes nothing.")
    var list = false

    @OptionGroup var report: ReportOptions

    func validate() throws {
        try ProjectTemplate.checkName(project)
        guard !list || version == nil else { throw ValidationError("--list shows all versions: give none with it") }
    }

    func run() async throws {
        try await reportingFailure {
            let endpoint = try AdministeredEndpoint()
            let path = ["_fullsync", "projects", project, "versions"]
            guard !list else {
                let found = try await endpoint.get(path)
                let rows = try found.objects("versions").map { version in
                    [
                        version.cell("version"), version.cell("deployed"), version.cell("by"),
                        version["live"] == true ? "live" : "",
                    ]
                }
                return report.show(found, ["version", "deployed", "by", ""], rows, none: "There are no versions.")
            }
            let body: JSONValue = version.map { ["version": .number(JSONNumber($0))] } ?? [:]
            let answer = try await endpoint.change(.init(method: .POST, path: path, body: body))
            report.show(answer, sentence(on: answer) + AdministeredEndpoint.Deployed.remarks(in: answer))
        }
    }

    /// Which version's files are live now, and as which version.
    private func sentence(on answer: JSONValue) -> String {
        let (version, from) = (answer.cell("version"), answer.cell("from"))
        let files = version == from ? "" : ", with the files of version \(from)"
        guard answer["changed"] == false else { return "\(project): version \(version) is live\(files)" }
        return "\(project): nothing has changed, version \(version) is live\(files)"
    }
}
