import ArgumentParser
import JSON
import NIOHTTP1

/// `fullsync users`: the built-in user directory.
struct UsersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "users",
        abstract: "Shows and changes the users of the built-in directory.",
        discussion: AdministeredEndpoint.discussion,
        subcommands: [List.self, Show.self, Put.self, Delete.self],
        defaultSubcommand: List.self
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows all users.")

        @OptionGroup var report: ReportOptions

        func run() async throws {
            try await reportingFailure {
                let users = try await AdministeredEndpoint().all("users", of: ["_fullsync", "users"])
                let rows = users.map { [$0.cell("name"), $0.cell("created"), $0.cell("changed")] }
                report.show(
                    ["users": .array(users)],
                    ["user", "created", "changed"],
                    rows,
                    none: "The directory has no users."
                )
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows a user with its groups.")

        @Argument(help: "The user.")
        var name: String

        @OptionGroup var report: ReportOptions

        func run() async throws {
            try await reportingFailure {
                let user = try await AdministeredEndpoint().get(["_fullsync", "users", name])
                let groups = JSONValue.array(try user.list("groups")).cells
                let row = [user.cell("name"), user.cell("created"), user.cell("changed"), groups]
                report.show(user, ["user", "created", "changed", "groups"], [row], none: "")
            }
        }
    }

    struct Put: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a user, or changes the password or the groups of one.",
            discussion: "The password is FULLSYNC_USER_PASSWORD, or in the file FULLSYNC_USER_PASSWORD_FILE."
        )

        @Argument(help: "The user.")
        var name: String

        @Option(help: "The groups that the user is in, with commas between them; without, they stay.")
        var groups: String?

        @Flag(help: "Leaves the password as it is.")
        var keepPassword = false

        @OptionGroup var report: ReportOptions

        func run() async throws {
            try await reportingFailure {
                var body = JSONObject()
                if !keepPassword { body["password"] = .string(try UserPassword.given()) }
                if let groups {
                    body["groups"] = .array(groups.split(separator: ",").map { .string(String($0)) })
                }
                let answer = try await AdministeredEndpoint().change(
                    .init(method: .PUT, path: ["_fullsync", "users", name], body: .object(body))
                )
                report.show(answer, "\(name) can log in, with the groups [\(answer["groups"]?.cells ?? "")]")
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Deletes a user and ends its sessions.")

        @Argument(help: "The user.")
        var name: String

        @OptionGroup var report: ReportOptions

        func run() async throws {
            try await report.carryOut(
                .init(method: .DELETE, path: ["_fullsync", "users", name]),
                "\(name) is deleted"
            )
        }
    }
}
