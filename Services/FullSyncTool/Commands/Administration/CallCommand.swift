import ArgumentParser
import Foundation
import JSON
import NIOHTTP1
import PrivateServers

/// `fullsync call`: runs a sequence and prints its answer.
struct CallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call",
        abstract: "Runs a sequence of a deployed project, and prints the JSON that it answers.",
        discussion: """
            Variables are given as name=value. A value that is JSON is taken as that (count=3, ids='["a"]'), any other \
            as text. The administrator may call private sequences, too. With --as a user calls, whose password is \
            FULLSYNC_USER_PASSWORD or in the file FULLSYNC_USER_PASSWORD_FILE.

            \(AdministeredEndpoint.discussion)
            """
    )

    @Argument(help: "The project.")
    var project: String

    @Argument(help: "The sequence.")
    var sequence: String

    @Argument(help: "Variables, as name=value.")
    var variables: [String] = []

    @Option(name: .customLong("as"), help: "The user who calls.")
    var user: String?

    func run() async throws {
        try await reportingFailure {
            let answer = try await AdministeredEndpoint().send(
                .init(
                    method: .POST,
                    path: ["_fullsync", "projects", project, "sequences", sequence],
                    body: .object(try Self.object(variables)),
                    caller: try user.map { DemoProject.Credentials(user: $0, password: try UserPassword.given()) }
                )
            )
            if let run = answer.run { Console().progress("run \(run)") }
            Console().print(answer.body.text)
        }
    }

    /// The variables that the arguments say.
    static func object(_ arguments: [String]) throws -> JSONObject {
        var object = JSONObject()
        for argument in arguments {
            guard let sign = argument.firstIndex(of: "="), sign != argument.startIndex else {
                throw WrongArgument(description: "'\(argument)' is no variable: write name=value")
            }
            let name = String(argument[..<sign])
            guard object[name] == nil else {
                throw WrongArgument(description: "the variable '\(name)' is given twice")
            }
            let text = String(argument[argument.index(after: sign)...])
            object[name] = (try? JSONValue(parsing: text)) ?? .string(text)
        }
        return object
    }
}

/// What stands on the command line cannot be meant.
struct WrongArgument: Error, CustomStringConvertible, ErrorWithExitCode {
    let description: String
    var exitCode: ExitCode { ExitCode.validationFailure }
}

/// The password of a user, which never stands on a command line.
enum UserPassword {
    static func given(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws -> String {
        if let password = environment["FULLSYNC_USER_PASSWORD"], !password.isEmpty { return password }
        if let file = environment["FULLSYNC_USER_PASSWORD_FILE"], !file.isEmpty {
            guard let line = TextFile.firstLine(of: file) else {
                throw WrongArgument(
                    description: "FULLSYNC_USER_PASSWORD_FILE: \(file) cannot be read, or has nothing in it"
                )
            }
            return line
        }
        throw WrongArgument(description: "set FULLSYNC_USER_PASSWORD, or its _FILE, to the user's password")
    }
}
