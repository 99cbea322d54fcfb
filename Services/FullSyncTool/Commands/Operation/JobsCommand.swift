import ArgumentParser
import JSON

/// `fullsync jobs`: when jobs fire next and what became of them; running one now, pausing and resuming.
struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs",
        abstract: "Shows when the jobs of projects fire, and runs them, lets them rest, or go on.",
        discussion: AdministeredEndpoint.discussion,
        subcommands: [List.self, Show.self, Run.self, Pause.self, Resume.self],
        defaultSubcommand: List.self
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows the jobs of one project, or of all.",
            discussion: """
                A job is scheduled, paused, disabled by its file, runs by hand alone, or is over: it has no time to \
                come.
                """
        )

        @Argument(help: "The project; all when it is not given.")
        var project: String?

        @OptionGroup var report: ReportOptions

        func run() async throws {
            try await reportingFailure {
                let found = try await AdministeredEndpoint().operated("jobs", of: project)
                let rows = found.map { project, job in
                    [
                        project, job.cell("name"), job.cell("schedule"), job.cell("state"),
                        job["next"]?.arrayValue?.first?.cell ?? "", job["last"]?.cell("at") ?? "",
                        job["last"]?.cell("state") ?? "",
                    ]
                }
                report.show(
                    ["jobs": .array(found.map(AdministeredEndpoint.withProject))],
                    ["project", "job", "schedule", "state", "next", "last", "outcome"],
                    rows,
                    none: "There are no jobs."
                )
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows the next times of a job, and what became of the last ones."
        )

        @OptionGroup var target: OperatedThing
        @OptionGroup var report: ReportOptions

        func run() async throws {
            try await reportingFailure {
                let path = ["_fullsync", "projects", target.project, "jobs", target.name]
                let job = try await AdministeredEndpoint().get(path)
                let next = try job.list("next").reversed().map { [$0.cell, "next", "", "", ""] }
                let past = try job.objects("history").map { firing in
                    [
                        firing.cell("at"), Self.state(of: firing), firing.cell("attempts"), firing.cell("run"),
                        String((firing["error"]?.cell("message") ?? "").prefix(80)),
                    ]
                }
                report.show(
                    job,
                    ["time", "state", "attempts", "run", "error"],
                    next + past,
                    none: "The job has not fired, and will not."
                )
            }
        }

        /// What became of a time; of those that nobody was there for, how many.
        private static func state(of firing: JSONValue) -> String {
            let missed = firing.cell("missed")
            return firing.cell("state") + (missed.isEmpty ? "" : " (\(missed))")
        }
    }

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Runs a job now, beside its schedule, unless it is under way and its policy is to skip."
        )

        @OptionGroup var target: OperatedThing
        @OptionGroup var report: ReportOptions

        func run() async throws {
            try await target.act("jobs", "run", report) { name, _ in "\(name) is in line" }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lets a job rest: what it would have fired meanwhile is not made up for."
        )

        @OptionGroup var target: OperatedThing
        @OptionGroup var report: ReportOptions

        func run() async throws {
            try await target.act("jobs", "pause", report) { name, _ in "\(name) rests" }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lets a job go on.")

        @OptionGroup var target: OperatedThing
        @OptionGroup var report: ReportOptions

        func run() async throws {
            try await target.act("jobs", "resume", report) { name, _ in "\(name) is scheduled" }
        }
    }
}
