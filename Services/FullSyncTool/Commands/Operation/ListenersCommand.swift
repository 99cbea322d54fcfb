import ArgumentParser
import JSON
import NIOHTTP1

/// `fullsync listeners`: how far listeners have come; pausing, resuming, and sending one back.
struct ListenersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "listeners",
        abstract: "Shows how far the listeners of projects have come, and lets them rest, go on, or go back.",
        discussion: AdministeredEndpoint.discussion,
        subcommands: [List.self, Pause.self, Resume.self, Rewind.self],
        defaultSubcommand: List.self
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows the listeners of one project, or of all.",
            discussion: """
                'behind' are changes that the listener has not looked at. Runs that wait, run, have failed (and hold \
                the later changes of their documents, unless the listener lets them pass) or are uncertain are those \
                that it has started.
                """
        )

        @Argument(help: "The project; all when it is not given.")
        var project: String?

        @OptionGroup var report: ReportOptions

        func run() async throws {
            try await reportingFailure {
                let found = try await AdministeredEndpoint().operated("listeners", of: project)
                let rows = found.map { project, listener in
                    [project, listener.cell("name"), listener.cell("database"), listener.cell("state")]
                        + ["behind", "waiting", "running", "failed", "uncertain"].map(listener.cell)
                }
                report.show(
                    ["listeners": .array(found.map(AdministeredEndpoint.withProject))],
                    [
                        "project", "listener", "database", "state", "behind", "waiting", "running", "failed",
                        "uncertain",
                    ],
                    rows,
                    none: "There are no listeners."
                )
            }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lets a listener rest: changes wait for it, and what it has started goes on."
        )

        @OptionGroup var target: OperatedThing
        @OptionGroup var report: ReportOptions

        func run() async throws {
            try await target.act("listeners", "pause", report) { name, _ in "\(name) rests" }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lets a listener go on, with the first change that it has not seen."
        )

        @OptionGroup var target: OperatedThing
        @OptionGroup var report: ReportOptions

        func run() async throws {
            try await target.act("listeners", "resume", report) { name, _ in "\(name) listens" }
        }
    }

    struct Rewind: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Has a listener go on from somewhere else: what it hears again starts its sequence again.",
            discussion: """
                The runs that it has made stay, and what waits still runs, unless --cancel-waiting says otherwise: \
                then those that wait, for their first attempt or another one, are cancelled with it. What such a run \
                has done stays done, and starts anew when the change is heard again.
                """
        )

        @OptionGroup var target: OperatedThing

        @Option(help: "beginning, now, or the number of a change: the next one is the first that it hears.")
        var to: String

        @Flag(help: "Cancels the listener's runs that wait.")
        var cancelWaiting = false

        @OptionGroup var report: ReportOptions

        func run() async throws {
            let place = Int(to).map { JSONValue.number(JSONNumber($0)) } ?? .string(to)
            let body: JSONValue = ["to": place, "cancelWaiting": .bool(cancelWaiting)]
            try await target.act("listeners", "rewind", report, body: body) { name, answer in
                let cancelled = answer["cancelled"].map { "; \($0.cell) runs that waited are cancelled" } ?? ""
                return "\(name) goes on from \(to)\(cancelled)"
            }
        }
    }
}

/// A listener or a job on the command line.
struct OperatedThing: ParsableArguments {
    @Argument(help: "The project.")
    var project: String

    @Argument(help: "The name.")
    var name: String

    /// Posts an action, and prints what is then, or the sentence.
    func act(
        _ kind: String,
        _ action: String,
        _ report: ReportOptions,
        body: JSONValue = [:],
        _ sentence: (_ name: String, _ answer: JSONValue) -> String
    ) async throws {
        let path = ["_fullsync", "projects", project, kind, name, action]
        try await reportingFailure {
            let answer = try await AdministeredEndpoint().send(.init(method: .POST, path: path, body: body)).body
            // What is done, or what the listener or job is now.
            guard answer["ok"] == true || answer["name"]?.stringValue == name else {
                throw StrangeAnswer(reason: "it does not say what became of \(name)")
            }
            report.show(answer, sentence(name, answer))
        }
    }
}

extension AdministeredEndpoint {
    /// The listeners or jobs of one project or of all, each with its project's name.
    func operated(_ kind: String, of project: String?) async throws -> [(String, JSONValue)] {
        let names: [String]
        if let project {
            names = [project]
        } else {
            let projects = try await get(["_fullsync", "projects"]).objects("projects")
            names = projects.map { $0.cell("name") }
        }
        var found: [(String, JSONValue)] = []
        for name in names {
            let list = try await get(["_fullsync", "projects", name, kind]).objects(kind)
            found += list.map { (name, $0) }
        }
        return found
    }

    /// One of these for programs.
    static func withProject(_ project: String, _ found: JSONValue) -> JSONValue {
        .object(JSONObject([("project", .string(project))]).merging(found.objectValue ?? [:]))
    }
}
