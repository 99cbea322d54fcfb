import ArgumentParser
import JSON
import NIOHTTP1

/// `fullsync runs`: what ran, or one run.
struct RunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs",
        abstract: "Shows what ran lately, the newest first; or one run with all that is known of it.",
        discussion: """
            Of several options that say which runs are meant all have to be true.

            \(AdministeredEndpoint.discussion)
            """
    )

    @Argument(help: "The run that is meant.")
    var run: String?

    @OptionGroup var choice: RunChoice

    @Option(help: "How many are shown, at most 1000.")
    var limit = 20

    @OptionGroup var report: ReportOptions

    func run() async throws {
        try await reportingFailure {
            let endpoint = try AdministeredEndpoint()
            if let run {
                let found = try await endpoint.get(["_fullsync", "runs", run])
                let rows = try found.members.map { [$0, $1.cell] }
                report.show(found, ["member", "value"], rows, none: "")
                return
            }
            let query = [(name: "limit", value: String(limit))]
            let found = try await endpoint.get(["_fullsync", "runs"], query + choice.query)
            let rows = try found.objects("runs").map(Self.row)
            report.show(
                found,
                ["run", "sequence", "cause", "user", "state", "attempts", "ms", "error"],
                rows,
                none: choice.isEmpty ? "Nothing ran." : "There are no such runs."
            )
        }
    }

    private static func row(_ run: JSONValue) -> [String] {
        let source = run.cell("source")
        let error = run["error"]?["message"]?.cell ?? run["error"]?.cell ?? ""
        return [
            run.cell("id"), "\(run.cell("project"))/\(run.cell("sequence"))",
            run.cell("cause") + (source.isEmpty ? "" : " \(source)"), run.cell("user"), run.cell("state"),
            run.cell("attempts"), run.cell("milliseconds"), String(error.prefix(80)),
        ]
    }
}

/// `fullsync cancel`: ends runs, or sets them aside.
struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Ends runs that are at work, and sets aside those that wait, failed or are uncertain.",
        discussion: """
            A run at work ends before its next step, and what it did stays. Younger runs that wait for one that is set \
            aside begin.

            \(AdministeredEndpoint.discussion)
            """
    )

    @Argument(help: "The runs.")
    var runs: [String]

    @OptionGroup var report: ReportOptions

    func run() async throws {
        try await report.act("cancel", on: runs) { "\($0) is cancelled" }
    }
}

extension ReportOptions {
    /// Does something about runs, one after the other, and says what has become of each.
    func act(_ action: String, on runs: [String], said: (String) -> String) async throws {
        for run in runs {
            try await carryOut(.init(method: .POST, path: ["_fullsync", "runs", run, action], body: [:]), said(run))
        }
    }
}
