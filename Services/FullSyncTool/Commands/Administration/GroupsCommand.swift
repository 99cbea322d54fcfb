import ArgumentParser
import JSON
import NIOHTTP1

/// `fullsync groups`: who is in which group.
struct GroupsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "groups",
        abstract: "Shows and changes who is in which group, of users of any directory.",
        discussion: AdministeredEndpoint.discussion,
        subcommands: [List.self, Members.self, Add.self, Remove.self],
        defaultSubcommand: List.self
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows all groups that somebody is in.")

        @OptionGroup var report: ReportOptions

        func run() async throws {
            try await reportingFailure {
                let found = try await AdministeredEndpoint().get(["_fullsync", "groups"])
                let rows = try JSONValue.array(try found.list("groups")).texts.map { [$0] }
                report.show(found, ["group"], rows, none: "Nobody is in a group.")
            }
        }
    }

    struct Members: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows who is in a group.")

        @Argument(help: "The group.")
        var group: String

        @OptionGroup var report: ReportOptions

        func run() async throws {
            try await reportingFailure {
                let found = try await AdministeredEndpoint().get(["_fullsync", "groups", group, "members"])
                let rows = try JSONValue.array(try found.list("members")).texts.map { [$0] }
                report.show(found, ["member"], rows, none: "Nobody is in \(group).")
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Puts a user into a group, at once.")

        @OptionGroup var membership: Membership
        @OptionGroup var report: ReportOptions

        func run() async throws {
            try await membership.change(by: .PUT, report, said: "is in")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Takes a user out of a group, at once.")

        @OptionGroup var membership: Membership
        @OptionGroup var report: ReportOptions

        func run() async throws {
            try await membership.change(by: .DELETE, report, said: "is not in")
        }
    }
}

/// Who is put into a group, or taken out of it.
struct Membership: ParsableArguments {
    @Argument(help: "The group.")
    var group: String

    @Argument(help: "The user.")
    var user: String

    /// Changes it and says so: "ann is in red".
    func change(by method: HTTPMethod, _ report: ReportOptions, said: String) async throws {
        try await report.carryOut(
            .init(method: method, path: ["_fullsync", "groups", group, "members", user]),
            "\(user) \(said) \(group)"
        )
    }
}
