import ArgumentParser
import Foundation
import PrivateServers

/// `fullsync stop`: ends what `start` began.
struct StopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop",
        abstract: "Ends what `start` (or `run`) began in this home, and nothing else.",
        discussion: "When nothing runs it says so; that is no failure."
    )

    func run() async throws {
        try await reportingFailure(isForOutput: false) {
            let home = Home(try ToolSettings().home)
            let console = Console()
            guard let supervisor = home.supervisor else {
                let ended = await home.endLeftovers { console.print($0) }
                console.print(ended ? "Full Sync is stopped." : "Full Sync does not run in \(home.path).")
                return
            }
            let said = home.supervisorLog.size
            let follower = LogFollower(home.supervisorLog)
            supervisor.send(.terminate)
            let ended = await follower.relaying(to: console) { await supervisor.hasEnded(within: Self.patience) }
            if !ended {
                console.print("It did not end within \(Self.patience); killing it.")
                supervisor.send(.kill)
                _ = await supervisor.hasEnded(within: .seconds(5))
            }
            await home.endLeftovers { console.print($0) }
            // What runs in the foreground says elsewhere that it has ended, and what somebody kills says it nowhere.
            if !home.supervisorLog.lastLines(after: said).contains(Supervisor.farewell) {
                console.print("Full Sync is stopped.")
            }
        }
    }

    /// How long an orderly end may take.
    private static let patience = Duration.seconds(90)
}
