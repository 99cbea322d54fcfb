import ArgumentParser
import JSON
import NIOHTTP1

/// `fullsync databases`: what databases there are, and what is set of them.
struct DatabasesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "databases",
        abstract: "Shows all databases, or changes what is set of one.",
        discussion: AdministeredEndpoint.discussion,
        subcommands: [List.self, Configure.self],
        defaultSubcommand: List.self
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows all databases with their settings.")

        @OptionGroup var report: ReportOptions

        func run() async throws {
            try await reportingFailure {
                let endpoint = try AdministeredEndpoint()
                var (found, rows): ([JSONValue], [[String]]) = ([], [])
                for name in try await endpoint.get(["_all_dbs"]).texts {
                    let info = try await endpoint.get([name])
                    let settings = try await endpoint.get(["_fullsync", "databases", name])
                    found.append(["name": .string(name), "info": info, "settings": settings])
                    rows.append([
                        name, info.cell("doc_count"), info.cell("doc_del_count"), info.cell("update_seq"),
                        settings.cell("anonymous"), settings.cell("publicWrites"), settings.cell("revisionLimit"),
                    ])
                }
                report.show(
                    ["databases": .array(found)],
                    ["database", "documents", "deleted", "update_seq", "anonymous", "publicWrites", "revisionLimit"],
                    rows,
                    none: "There are no databases."
                )
            }
        }
    }

    struct Configure: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set",
            abstract: "Changes settings of a database.",
            discussion: """
                Settings are those of database.yaml: anonymous, publicWrites, ownerMember, groupsMember and \
                revisionLimit.
                """
        )

        @Argument(help: "The database.")
        var database: String

        @Argument(help: "Settings, as name=value.")
        var settings: [String]

        @OptionGroup var report: ReportOptions

        func run() async throws {
            try await reportingFailure {
                let endpoint = try AdministeredEndpoint()
                let path = ["_fullsync", "databases", database]
                let body = JSONValue.object(try CallCommand.object(settings))
                _ = try await endpoint.change(.init(method: .PUT, path: path, body: body))
                let now = try await endpoint.get(path)
                let rows = try now.members.map { [$0, $1.cell] }
                report.show(now, ["setting", "value"], rows, none: "")
            }
        }
    }
}
