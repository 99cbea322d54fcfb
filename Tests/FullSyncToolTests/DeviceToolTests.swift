import Foundation
import FullSyncClient
import JSON
import PrivateServers
import TestSupport
import Testing

@testable import FullSyncTool

/// `fullsync device` and `fullsync prebuild` without a server: local databases answer all the same.
@Suite(.timeLimit(.minutes(10))) struct DeviceToolTests {
    private let folder = TestDirectory.make("device-tool")

    /// How the tool ended, and what it printed.
    private struct Outcome {
        let status: ChildProcess.ExitStatus
        let lines: [String]

        /// What it printed for programs.
        var json: JSONValue? { lines.last.flatMap { try? JSONValue(parsing: $0) } }
    }

    private func fullsync(
        _ arguments: [String],
        _ more: [String: String] = [:],
        command: String = "device"
    ) async throws -> Outcome {
        let log = LogFile("\(folder)/output-\(UUID().uuidString)")
        let environment = ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "FULLSYNC_HOME": folder + "/home"]
        let child = try await ChildProcess.start(
            Command(
                Executables.path("fullsync"),
                [command, "--server", "http://127.0.0.1:1", "--directory", folder + "/device"] + arguments,
                environment: environment.merging(more) { $1 },
                output: .appended(to: log.path)
            )
        )
        let status = await child.waitForExit()
        return Outcome(status: status, lines: try TextFile.read(log.path).split(separator: "\n").map(String.init))
    }

    /// The words that `help` lists.
    private static var words: Set<String> {
        let lines = DeviceShell.help.split(separator: "\n").map { $0.prefix(28) }
        let named = lines.flatMap { line in
            // What is in capitals stands for something.
            line.split { " |,[]…/".contains($0) }.map(String.init).filter { $0 == $0.lowercased() }
        }
        return Set(named)
    }

    /// Commands, and what each prints for people and for programs; nil for what a test looks at itself.
    private static func commands(_ folder: String) -> [(words: [String], text: String?, json: JSONValue?)] {
        [
            (["info"], nil, nil),
            (["post", #"{"_id": "a", "n": 1, "o": {"x": 1}}"#], nil, nil),
            (["merge", #"{"_id": "a", "o": {"y": 2}}"#], nil, nil),
            (["get", "a"], nil, nil),
            (["post", #"{"_id": "b", "n": 2}"#], nil, nil),
            (["delete", "b"], nil, nil),
            (["all"], nil, nil),
            (["all", #"{"keys": ["b"]}"#], nil, nil),
            (["index", "n"], nil, nil),
            (["find", #"{"selector": {"n": 1}}"#], nil, nil),
            (
                [
                    "post",
                    #"{"_id": "_design/d", "views": {"v": {"map": "function (doc) { emit(doc.n, null) }"}}}"#,
                ], nil, nil
            ),
            (["view", "d/v", #"{"key": 1}"#], nil, nil),
            (["attach", "a", "f", folder + "/file"], nil, nil),
            (
                ["save", "a", "f", folder + "/copy"], "\(folder)/copy: application/octet-stream",
                ["file": .string(folder + "/copy"), "content_type": "application/octet-stream"]
            ),
            (["conflicts"], "", []),
            (["refused"], "", []),
            (["kept"], "", []),
            (["compact"], "compacted", ["ok": true]),
            (["call", "fs://.get", #"{"docid": "a"}"#], nil, nil),
            (["live"], "live", ["ok": true]),
            (["stop"], "stopped", ["ok": true]),
        ]
    }

    @Test func `every word of the help does something, and says it to people and to programs`() async throws {
        try Data("hello".utf8).write(to: URL(fileURLWithPath: folder + "/file"))
        var tried: Set<String> = ["quit", "sync", "pull", "push", "takeback"]
        for isJSON in [false, true] {
            let client = try FullSyncClient(
                server: "http://127.0.0.1:1",
                directory: URL(fileURLWithPath: "\(folder)/\(isJSON)"),
                defaultDatabase: "db"
            )
            let shell = DeviceShell(client: client, database: "db", console: Console())
            for (words, text, json) in Self.commands(folder) {
                let answer = try await shell.perform(words)
                if let text { #expect(answer.text == text, "\(words)") }
                if let json { #expect(answer.value == json, "\(words)") }
                tried.insert(words[0])
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: folder + "/copy")) == Data("hello".utf8))
            let document = try await shell.perform(["get", "a"])
            #expect(document.value["o"] == ["x": 1, "y": 2] && document.value["n"] == 1)
            #expect(try JSONValue(parsing: document.text) == document.value)
            for rows in [["all"], ["find", #"{"selector": {"n": 1}}"#], ["view", "d/v", #"{"key": 1}"#]] {
                let answer = try await shell.perform(rows)
                let list = try #require((answer.value["rows"] ?? answer.value["docs"])?.arrayValue, "\(rows)")
                #expect(list.contains { ($0["id"] ?? $0["_id"]) == "a" }, "\(rows)")
                #expect(answer.text == list.map(\.text).joined(separator: "\n"))
            }
            let help = try await shell.perform(["help"])
            #expect(help.text == DeviceShell.help)
            try await client.close()
        }
        #expect(tried == Self.words)
    }

    @Test func `commands are read line by line, and a wrong one does not end the others`() async throws {
        for (flags, isJSON) in [([], false), (["--json"], true)] as [([String], Bool)] {
            let input = "\(folder)/input"
            try TextFile.replace(
                input,
                with: """
                    post {"_id": "a \(isJSON)", "text": "with spaces"}

                    nonsense
                    get
                    get missing
                    info {"x
                    quit
                    post {"_id": "never"}

                    """
            )
            let shell = try await CommandFailure.check(
                "/bin/sh",
                [
                    "-c", #""$0" "$@" < "$INPUT""#, Executables.path("fullsync"), "device", "--directory",
                    folder + "/lines",
                ] + flags,
                environment: [
                    "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "FULLSYNC_HOME": folder + "/home", "INPUT": input,
                ]
            )
            try #require(shell.count == 5, "\(shell)")
            if isJSON {
                let lines = try shell.map { try JSONValue(parsing: $0) }
                #expect(lines[0]["rev"]?.stringValue?.hasPrefix("1-") == true)
                #expect(lines[1] == ["error": "failed", "reason": "there is no command `nonsense`; see `help`"])
                #expect(lines[3]["error"] == "not_found")
            } else {
                #expect(shell[1] == "there is no command `nonsense`; see `help`")
                #expect(shell[2] == "get needs an id; see `help`")
                #expect(shell[3].hasPrefix("not_found:"))
                #expect(shell[4] == "`{\"x` is no JSON object")
            }
        }
    }

    @Test func `what goes wrong has an exit code`() async throws {
        let made = try await fullsync(["--json", "post", #"{"_id": "a"}"#])
        #expect(made.status == .code(0) && made.json?["id"] == "a", "\(made.lines)")
        let cases: [([String], [String: String], Int32)] = [
            (["nonsense"], [:], 64), (["get"], [:], 64), (["post", "{"], [:], 64), (["get", "none"], [:], 66),
            (["save", "a", "none", folder + "/none"], [:], 66), (["takeback", "a"], [:], 66),
            (["post", #"{"_id": "a", "n": 1}"#], [:], 1), (["post", #"{"_id": "_x"}"#], [:], 65),
            (["--user", "ada", "info"], [:], 64), (["--wrong"], [:], 64),
            (["info"], ["FULLSYNC_DEVICE_KEY": "0123456789abcdef"], 77), (["info"], ["FULLSYNC_DEVICE_KEY": "k"], 65),
            (["--user", "ada", "info"], ["FULLSYNC_DEVICE_PASSWORD": "canary-pw"], 69),
            (["call", "project.sequence"], [:], 69),
        ]
        for (words, environment, code) in cases {
            let outcome = try await fullsync(words, environment)
            #expect(outcome.status == .code(code), "\(words): \(outcome.lines)")
            #expect(!outcome.lines.isEmpty && !outcome.lines.joined().contains("canary-pw"), "\(words)")
        }
    }

    @Test func `without a server a pull says so, and no file is made`() async throws {
        let pull = try await fullsync(["pull"])
        #expect(pull.status == .code(69), "\(pull.lines)")
        let file = folder + "/prebuilt.sqlite"
        let prebuilt = try await fullsync(["--output", file], command: "prebuild")
        #expect(prebuilt.status == .code(69), "\(prebuilt.lines)")
        #expect(!FileManager.default.fileExists(atPath: file))
        #expect(try await fullsync([], command: "prebuild").status == .code(64))
    }
}
