import ArgumentParser
import Foundation
import Sequences

/// Which runs a command means.
struct RunChoice: ParsableArguments {
    @Option(help: "Only runs in this state: waiting, running, succeeded, failed, uncertain or cancelled.")
    var state: String?

    @Option(help: "Only runs of this project, or of its listeners and jobs.")
    var project: String?

    @Option(help: "Only runs of the sequence of this name.")
    var sequence: String?

    @Option(help: "Only runs with this cause: call, login, listener, schedule or notification.")
    var cause: String?

    @Option(help: "Only runs of the listener of this name.")
    var listener: String?

    @Option(help: "Only runs of the job of this name.")
    var job: String?

    @Option(help: "Only runs for this user.")
    var user: String?

    @Option(help: "Only runs that were made since then: 30m, 2h, 7d, or a time like 2026-01-31T10:00:00Z.")
    var since: String?

    /// Whether anything was said.
    var isEmpty: Bool { query.isEmpty }

    func validate() throws {
        guard [cause, listener, job].count(where: { $0 != nil }) <= 1 else {
            throw ValidationError("say one of --cause, --listener and --job")
        }
        guard since == nil || time != nil else {
            throw ValidationError("--since must be like 30m, 2h, 7d or 2026-01-31T10:00:00Z")
        }
    }

    /// The moment that `since` says.
    private var time: Date? {
        guard let since else { return nil }
        if let ago = Duration(projectText: since) { return Date() - Double(ago / .milliseconds(1)) / 1_000 }
        return try? Date(since, strategy: .iso8601)
    }

    /// The parameters of `/_fullsync/runs`.
    var query: [(name: String, value: String)] {
        let said: [(name: String, value: String?)] = [
            ("state", state), ("project", project), ("sequence", sequence),
            ("cause", cause ?? (listener.map { _ in "listener" }) ?? (job.map { _ in "schedule" })),
            ("source", listener ?? job), ("user", user), ("since", time?.formatted(.iso8601)),
        ]
        return said.compactMap { name, value in value.map { (name, $0) } }
    }
}
