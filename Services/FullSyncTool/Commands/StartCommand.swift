import ArgumentParser
import Foundation
import PrivateServers

/// `fullsync start`: the same as `run`, in the background.
struct StartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Starts the same in the background; returns when every service is ready.",
        discussion: """
            Ends with 0 when all is ready. Otherwise it says which part failed, shows that part's last log lines, and
            leaves nothing running. `fullsync stop` ends what this began.
            """
    )

    func run() async throws {
        // It has started, also when that could not be said.
        try await reportingFailure(isForOutput: false) {
            let home = Home(try ToolSettings().home)
            if let running = home.supervisor {
                throw StartFailure.alreadyRunning(home: home.path, pid: running.pid)
            }
            try await BackgroundRun(home: home, console: Console()).start(interruptedBy: StopSignals())
        }
    }
}

/// Why nothing was started.
enum StartFailure: Error, CustomStringConvertible {
    case alreadyRunning(home: String, pid: Int32?)
    case portTaken(Int)
    /// The background process ended; it has said why.
    case ended(ChildProcess.ExitStatus)
    case interrupted

    var description: String {
        switch self {
        case .alreadyRunning(let home, let pid):
            "Full Sync already runs in \(home)" + (pid.map { " (process \($0))" } ?? "")
                + "; `fullsync stop` ends it, FULLSYNC_HOME names another home"
        case .portTaken(let port):
            "port \(port) is taken by another program; FULLSYNC_PORT names another port"
        case .ended(let status): "the start failed (\(status)); nothing is left running"
        case .interrupted: "interrupted; nothing is left running"
        }
    }
}
