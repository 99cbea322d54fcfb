import ArgumentParser

/// The root of the command line; each verb is a type of its own.
struct FullSyncCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fullsync",
        abstract: "Runs Full Sync on this machine, and works with what runs.",
        discussion: """
            A first look, from a clone:
              make start       builds, starts everything in the background, deploys the demo project
              make demo        plays the six steps of Full Sync with two devices
              make stop

            The state is in FULLSYNC_HOME (default .fullsync); several homes run beside each other when each has a
            FULLSYNC_PORT (default 5984) of its own. `fullsync run --help` lists the settings.
            """,
        subcommands: [
            RunCommand.self, StartCommand.self, StopCommand.self, StatusCommand.self, DemoCommand.self,
            BenchCommand.self, CheckCommand.self, DeployCommand.self, RestoredCommand.self,
        ]
    )
}
