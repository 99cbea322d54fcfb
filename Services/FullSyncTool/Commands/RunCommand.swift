import ArgumentParser

/// `fullsync run`: everything, in the foreground, until Ctrl-C or SIGTERM.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Starts PostgreSQL, RabbitMQ and every service, and stays until Ctrl-C or SIGTERM.",
        discussion: """
            A service that ends is started again. Each writes a log in FULLSYNC_HOME/logs; the addresses, with their
            credentials, are in FULLSYNC_HOME/endpoints.json as long as the system runs.

            Settings of this command; what is set besides is handed to the services:

            \(ToolSettings.help)
            """
    )

    func run() async throws {
        // Its disk may have been full for a moment, or its terminal may be gone: it has run well all the same.
        try await reportingFailure(isForOutput: false) {
            let console = Console()
            let settings = try ToolSettings()
            try await compose(settings, console).run(until: StopSignals())
        }
    }
}
