import ArgumentParser
import Foundation
import JSON
import PrivateServers
import Projects

/// `fullsync schema`: what editors need to complete and check a project's files.
struct SchemaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Prints the JSON Schema of a kind of file, or writes all of them into a project.",
        discussion: """
            Editors with a YAML language server complete and check a file as you type when its first line names its \
            schema. `fullsync new` begins files so; in other projects, after `fullsync schema --into .`:

              # yaml-language-server: $schema=../.schema/sequence.json

            After an update of fullsync, --into brings the schemas of a project up to date. It makes the directories \
            that are not there yet.
            """
    )

    @Argument(help: "The kind: \(ProjectSchema.allCases.map(\.rawValue).joined(separator: ", ")).")
    var kind: ProjectSchema?

    @Option(help: "The project's directory, whose .schema/ gets the schemas of all kinds.", completion: .directory)
    var into: String?

    func run() async throws {
        try await reportingFailure {
            switch (kind, into) {
            case (let kind?, nil): Console().print(JSONValue.object(kind.document).prettyText)
            case (nil, let directory?):
                for file in try ProjectSchemaFiles.write(into: directory) { Console().print(file) }
            default: throw WrongArgument(description: "give one of: a kind, and --into a project's directory")
            }
        }
    }
}

extension ProjectSchema: ExpressibleByArgument {}

/// The schemas in a project's directory.
enum ProjectSchemaFiles {
    /// Writes all of them; gives the files.
    @discardableResult
    static func write(into directory: String) throws -> [String] {
        let folder = "\(directory)/.schema"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return try ProjectSchema.allCases.map { kind in
            let file = "\(folder)/\(kind.rawValue).json"
            try ProjectFiles.write(JSONValue.object(kind.document).prettyText + "\n", to: file)
            return file
        }
    }

    /// The comment by which an editor finds the schema of a project's file; nothing for files without one.
    static func comment(for path: String) -> String {
        let parts = path.split(separator: "/")
        let kind: ProjectSchema? =
            switch (parts.first, parts.count) {
            case ("project.yaml", 1): .project
            case ("connectors", 2): .connector
            case ("sequences", 2): .sequence
            case ("listeners", 2): .listener
            case ("jobs", 2): .job
            case ("tests", 2): .test
            case ("databases", 3): .database
            default: nil
            }
        guard let kind else { return "" }
        let above = String(repeating: "../", count: parts.count - 1)
        return "# yaml-language-server: $schema=\(above).schema/\(kind.rawValue).json\n"
    }
}
