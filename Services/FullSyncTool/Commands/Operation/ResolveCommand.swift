import ArgumentParser
import JSON
import NIOHTTP1

/// `fullsync resolve`: says what became of an effect that nobody knew of.
struct ResolveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve",
        abstract: "Says whether the effect of an uncertain run happened, and lets the run go on.",
        discussion: """
            Look at the back end first. With --happened the run goes on behind the transaction, with the JSON of \
            --answer as what the back end would have answered; with --not-happened it is asked for again.

            \(AdministeredEndpoint.discussion)
            """
    )

    @Argument(help: ArgumentHelp("The run.", valueName: "run"))
    var id: String

    @Flag(help: "The effect happened.")
    var happened = false

    @Flag(help: "The effect did not happen.")
    var notHappened = false

    @Option(help: "What the back end would have answered, as JSON; null when it is not given.")
    var answer: String?

    @OptionGroup var report: ReportOptions

    func validate() throws {
        guard happened != notHappened else { throw ValidationError("say either --happened or --not-happened") }
        guard answer == nil || happened else { throw ValidationError("--answer goes with --happened only") }
        guard answer.map({ (try? JSONValue(parsing: $0)) != nil }) ?? true else {
            throw ValidationError("--answer is no JSON")
        }
    }

    func run() async throws {
        let value = try answer.map { try JSONValue(parsing: $0) } ?? .null
        let body: JSONValue = happened ? ["happened": true, "answer": value] : ["happened": false]
        try await report.carryOut(
            .init(method: .POST, path: ["_fullsync", "runs", id, "resolve"], body: body),
            "\(id) is in line again"
        )
    }
}
