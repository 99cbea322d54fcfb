import ArgumentParser
import Foundation
import Glibc
import PrivateServers

/// The texts of a project's directory.
struct ProjectFiles: Sendable {
    let directory: String
    /// By their paths within it.
    let texts: [String: String]

    /// Reads all but what is hidden.
    init(in directory: String) throws {
        self.directory = directory
        guard let enumerator = FileManager.default.enumerator(atPath: directory),
            FileManager.default.fileExists(atPath: "\(directory)/project.yaml")
        else { throw MissingProject(description: "\(directory) has no project.yaml") }
        var texts: [String: String] = [:]
        for case let path as String in enumerator where !Self.isHidden(path) {
            var isDirectory: ObjCBool = false
            let file = "\(directory)/\(path)"
            guard FileManager.default.fileExists(atPath: file, isDirectory: &isDirectory), !isDirectory.boolValue else {
                continue
            }
            guard let data = FileManager.default.contents(atPath: file),
                let text = String(validating: data, as: UTF8.self)
            else { throw MissingProject(description: "\(file) cannot be read as a text in UTF-8") }
            texts[path] = text
        }
        self.texts = texts
    }

    /// Writes one, readable for whoever may read what this account makes.
    static func write(_ text: String, to file: String) throws {
        let mask = umask(0o077)
        umask(mask)
        try TextFile.replace(file, with: text, permissions: Int(0o666 & ~mask))
    }

    private static func isHidden(_ path: String) -> Bool {
        path.split(separator: "/").contains { $0.hasPrefix(".") }
    }

    /// The value of `project:`; the endpoint checks it with all the rest.
    var projectName: String {
        get throws {
            for line in (texts["project.yaml"] ?? "").split(separator: "\n") where line.hasPrefix("project:") {
                let name = line.dropFirst("project:".count).prefix { $0 != "#" }
                return name.trimmingCharacters(in: [" ", "\t", "\"", "'", "\r"])
            }
            throw MissingProject(description: "\(directory)/project.yaml names no project")
        }
    }
}

/// A directory is no project's.
struct MissingProject: Error, CustomStringConvertible, ErrorWithExitCode {
    let description: String
    var exitCode: ExitCode { FailureCode.notFound }
}
