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

            A project of your own (GUIDE.md goes on from there):
              fullsync new my-notes      makes one that works
              fullsync check my-notes    says what is wrong, with file and line
              fullsync test my-notes     runs its test cases on a system of their own
              fullsync deploy my-notes   makes it live
              fullsync doctor            says whether all is well

            The state is in FULLSYNC_HOME (default .fullsync); several homes run beside each other when each has a
            FULLSYNC_PORT (default 5984) of its own. `fullsync run --help` lists the settings.

            Commands end with 0; with 1 when something is wrong, 64 when called wrongly, 65 when what is given is
            refused, 66 when what is named is not there, 69 when nobody answers, 74 when the output cannot be written,
            76 when who answers is no endpoint, 77 when the credentials do not suffice, 78 for a wrong setting.
            """,
        subcommands: [
            RunCommand.self, StartCommand.self, StopCommand.self, StatusCommand.self, DemoCommand.self,
            BenchCommand.self, NewCommand.self, CheckCommand.self, SchemaCommand.self, TestCommand.self,
            DeployCommand.self, RollbackCommand.self, UndeployCommand.self, CallCommand.self, RunsCommand.self,
            RetryCommand.self, CancelCommand.self, ResolveCommand.self, ListenersCommand.self, JobsCommand.self,
            UsersCommand.self, GroupsCommand.self, DatabasesCommand.self, DoctorCommand.self, RestoredCommand.self,
            DeviceCommand.self, PrebuildCommand.self, BenchDeviceCommand.self,
        ]
    )
}
