import ArgumentParser
import JSON
import NIOHTTP1

/// `fullsync retry`: has runs tried again.
struct RetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Puts failed, uncertain or cancelled runs back in line.",
        discussion: """
            What a run did is not done again. An effect of which nobody knows whether it happened is attempted anew: \
            look at the back end first. A run that has let later changes of its documents pass comes back behind those \
            that wait now.

            Without runs, those are meant that the options say, the oldest first: failed ones unless --state says \
            otherwise.

            \(AdministeredEndpoint.discussion)
            """
    )

    @Argument(help: "The runs.")
    var runs: [String] = []

    @OptionGroup var choice: RunChoice

    @Option(help: "How many runs are retried at most, up to 1000, of those that the options say.")
    var limit = 100

    @OptionGroup var report: ReportOptions

    func validate() throws {
        guard runs.isEmpty != choice.isEmpty else {
            throw ValidationError("say either runs, or by options which ones are meant")
        }
        guard 1...1_000 ~= limit else { throw ValidationError("--limit must be from 1 to 1000") }
    }

    func run() async throws {
        guard runs.isEmpty else { return try await report.act("retry", on: runs) { "\($0) is in line again" } }
        try await reportingFailure { try await retryChosen(at: try AdministeredEndpoint()) }
    }

    private func retryChosen(at endpoint: AdministeredEndpoint) async throws {
        var choice = choice
        choice.state = choice.state ?? "failed"
        var (retried, refused): ([JSONValue], [JSONValue]) = ([], [])
        var pages = RunsInOrder(endpoint: endpoint, choice: choice.query)
        // Those that cannot be retried are in nobody's way: they do not count.
        while retried.count < limit, let run = try await pages.next() {
            do {
                let path = ["_fullsync", "runs", run.cell("id"), "retry"]
                _ = try await endpoint.change(.init(method: .POST, path: path, body: [:]))
                retried.append(run["id"] ?? .null)
            } catch let refusal as EndpointRefusal where [404, 412].contains(refusal.status) {
                // Somebody else did something about it, or its variables are not kept.
                refused.append(run["id"] ?? .null)
            }
        }
        let hasMore = try await pages.next() != nil
        report.show(
            ["retried": .array(retried), "refused": .array(refused), "more": .bool(hasMore)],
            "\(retried.count) runs are in line again"
                + (refused.isEmpty ? "" : "; \(refused.count) cannot be retried")
                + (hasMore ? "; there are more of them" : "")
        )
    }
}

/// The runs that are meant, the oldest first, as the endpoint shows them page by page.
private struct RunsInOrder {
    let endpoint: AdministeredEndpoint
    /// Which ones are meant.
    let choice: [(name: String, value: String)]

    private static let pageSize = 200
    private var page: ArraySlice<JSONValue> = []
    /// The number of the last one that was shown.
    private var last = 0
    private var isAtEnd = false

    init(endpoint: AdministeredEndpoint, choice: [(name: String, value: String)]) {
        self.endpoint = endpoint
        self.choice = choice
    }

    /// The next one; nil when there is none.
    mutating func next() async throws -> JSONValue? {
        if page.isEmpty, !isAtEnd {
            let query = [(name: "after", value: String(last)), (name: "limit", value: String(Self.pageSize))] + choice
            page = try await endpoint.get(["_fullsync", "runs"], query).objects("runs")[...]
            isAtEnd = page.count < Self.pageSize
            // Without a number the next page would be this one again.
            guard let number = page.last?["number"]?.intValue else {
                isAtEnd = true
                return page.popFirst()
            }
            last = number
        }
        return page.popFirst()
    }
}
