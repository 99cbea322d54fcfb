import ArgumentParser
import Foundation
import PrivateServers

/// `fullsync new`: a project that checks and runs, to begin with.
struct NewCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Makes a directory with a small project that checks and runs.",
        discussion: "GUIDE.md goes on from there."
    )

    @Argument(help: "The directory, which must not be there yet; its name is the project's.", completion: .directory)
    var directory: String

    func run() async throws {
        try await reportingFailure {
            let name = (directory as NSString).lastPathComponent
            guard ProjectTemplate.isName(name) else {
                throw WrongArgument(
                    description: "'\(name)' is no project's name: a small letter, then small letters, digits and '-', "
                        + "at most \(ProjectTemplate.nameLimit) in all"
                )
            }
            guard !FileManager.default.fileExists(atPath: directory) else {
                throw WrongArgument(description: "\(directory) is there already")
            }
            let files = ProjectTemplate.files(of: name)
            for (path, text) in files.sorted(by: { $0.key < $1.key }) {
                let file = "\(directory)/\(path)"
                try FileManager.default.createDirectory(
                    atPath: (file as NSString).deletingLastPathComponent,
                    withIntermediateDirectories: true
                )
                try ProjectFiles.write(ProjectSchemaFiles.comment(for: path) + text, to: file)
                Console().print(file)
            }
            try ProjectSchemaFiles.write(into: directory)
        }
    }
}
