import ArgumentParser
import Foundation
import FullSyncClient
import Glibc
import PrivateServers

/// `fullsync device`: a device in the terminal.
struct DeviceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "device",
        abstract: "Is a device: syncs, queries and edits a local database, as an application does.",
        discussion: """
            Without words it reads commands line by line; `help` lists them.
              fullsync device --user ada sync
              fullsync device --user ada find '{"selector": {"type": "workorder"}}'

            \(DeviceOptions.discussion)
            """
    )

    @OptionGroup var options: DeviceOptions

    @OptionGroup var report: ReportOptions

    @Argument(parsing: .remaining, help: "One command; none to read commands from the standard input.")
    var words: [String] = []

    func run() async throws {
        try await reportingFailure {
            let console = Console()
            let shell = try await options.shell(console)
            if words.isEmpty {
                await shell.run(report)
            } else {
                shell.show(try await shell.perform(words), report)
            }
            try await shell.client.close()
        }
    }
}

/// `fullsync prebuild`: makes a database that devices begin with.
struct PrebuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prebuild",
        abstract: "Pulls a database as a user and writes it into a file with which that user's devices begin.",
        discussion: """
            A file that holds no owned or grouped documents is a beginning for every user. Applications take it with \
            FullSyncClient.importDatabase(_:from:).

            \(DeviceOptions.discussion)
            """
    )

    @OptionGroup var options: DeviceOptions

    @Option(help: "The file to write.", completion: .file())
    var output: String

    @Option(help: "A view to make before, as design/view; may be given several times.")
    var view: [String] = []

    func run() async throws {
        try await reportingFailure {
            let console = Console()
            // A pull takes long where the file cannot be made.
            let folder = URL(fileURLWithPath: output).deletingLastPathComponent().path
            guard access(folder + "/.", W_OK | X_OK) == 0 else { throw FileError(path: folder, errorNumber: errno) }
            let shell = try await options.shell(console)
            console.print(try await shell.perform(["pull"]).text)
            try await shell.client.export(options.database, to: URL(fileURLWithPath: output), views: view)
            console.print("\(output) is made")
            try await shell.client.close()
        }
    }
}
