import ArgumentParser
import Foundation

/// `fullsync status`: what runs, and how it is.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows every part: its process, how long it has run, how often it was started again, readiness.",
        discussion: "Ends with 0 when every part is ready, with 1 when one is not, with 3 when nothing runs."
    )

    func run() async throws {
        try await reportingFailure {
            let home = Home(try ToolSettings().home)
            let console = Console()
            guard home.supervisor != nil, let status = try? StatusFile.read(home.statusFile) else {
                console.print("Full Sync does not run in \(home.path).")
                throw ExitCode(3)
            }
            let rows = await status.rows(now: Date())
            console.print(Table(["part", "process", "up for", "restarts", "state"], rows.map(\.cells)).text)
            if rows.contains(where: { !$0.isReady }) { throw FailureCode.general }
        }
    }
}
