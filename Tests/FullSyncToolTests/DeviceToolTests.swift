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

    /// A command, what its answer has for programs, and what that is for people.
    private struct Case {
        let words: [String]
        let text: (JSONValue) -> String
        let has: (JSONValue) -> Bool

        init(
            _ words: [String],
            text: @escaping (JSONValue) -> String = { $0.text },
            has: @escaping (JSONValue) -> Bool
        ) {
            (self.words, self.text, self.has) = (words, text, has)
        }

        /// One that lists the documents of these ids, a line for each.
        static func list(_ words: [String], _ ids: [JSONValue], _ has: @escaping (JSONValue) -> Bool) -> Case {
            Case(
                words,
                text: { rows(of: $0).map(\.text).joined(separator: "\n") },
                has: { rows(of: $0).map { $0["id"] ?? $0["_id"] ?? .null } == ids && rows(of: $0).allSatisfy(has) }
            )
        }

        /// One that says always the same.
        static func says(_ words: [String], _ text: String, _ value: JSONValue) -> Case {
            Case(words, text: { _ in text }, has: { $0 == value })
        }

        private static func rows(of answer: JSONValue) -> [JSONValue] {
            (answer["rows"] ?? answer["docs"])?.arrayValue ?? []
        }
    }

    /// Whether an answer is that of a write.
    private static func isReceipt(of id: String, _ revision: String) -> (JSONValue) -> Bool {
        { $0["ok"] == true && $0["id"] == .string(id) && $0["rev"]?.stringValue?.hasPrefix(revision) == true }
    }

    private static func cases(_ folder: String) -> [Case] {
        let copy = folder + "/copy"
        let view = #"{"_id": "_design/d", "views": {"v": {"map": "function (doc) { emit(doc.n, null) }"}}}"#
        let merged: (JSONValue) -> Bool = { $0["_id"] == "a" && $0["n"] == 1 && $0["o"] == ["x": 1, "y": 2] }
        return [
            Case(["info"]) { $0["db_name"] == "db" && $0["doc_count"] == 0 && $0["doc_del_count"] == 0 },
            Case(["post", #"{"_id": "a", "n": 1, "o": {"x": 1}}"#], has: isReceipt(of: "a", "1-")),
            Case(["merge", #"{"_id": "a", "o": {"y": 2}}"#], has: isReceipt(of: "a", "2-")),
            Case(["get", "a"], has: merged),
            Case(["post", #"{"_id": "b", "n": 2}"#], has: isReceipt(of: "b", "1-")),
            Case(["delete", "b"], has: isReceipt(of: "b", "2-")),
            .list(["all"], ["a"]) { $0["value"]?["deleted"] == nil },
            .list(["all", #"{"keys": ["b"]}"#], ["b"]) { $0["value"]?["deleted"] == true },
            Case(["index", "n"]) { $0["result"] == "created" },
            Case(["index", "n"]) { $0["result"] == "exists" },
            .list(["find", #"{"selector": {"n": 1}}"#], ["a"], merged),
            .list(["find", #"{"selector": {"n": 2}}"#], [], merged),
            Case(["post", view], has: isReceipt(of: "_design/d", "1-")),
            .list(["view", "d/v", #"{"key": 1}"#], ["a"]) { $0["key"] == 1 },
            .list(["view", "d/v", #"{"key": 2}"#], []) { _ in false },
            Case(
                ["attach", "a", "f", folder + "/file"],
                text: { $0["rev"]?.stringValue ?? "" },
                has: { $0["id"] == "a" && $0["rev"]?.stringValue?.hasPrefix("3-") == true }
            ),
            .says(
                ["save", "a", "f", copy],
                "\(copy): application/octet-stream",
                ["file": .string(copy), "content_type": "application/octet-stream"]
            ),
            .says(["conflicts"], "", []),
            .says(["refused"], "", []),
            .says(["kept"], "", []),
            .says(["compact"], "compacted", ["ok": true]),
            Case(["call", "fs://.get", #"{"docid": "a"}"#], has: merged),
            .says(["live"], "live", ["ok": true]),
            .says(["stop"], "stopped", ["ok": true]),
        ]
    }

    private func client(_ name: String) throws -> FullSyncClient {
        let directory = URL(fileURLWithPath: "\(folder)/\(name)")
        return try FullSyncClient(server: "http://127.0.0.1:1", directory: directory, defaultDatabase: "db")
    }

    @Test func `every word of the help does something, and says it to people and to programs`() async throws {
        try Data("hello".utf8).write(to: URL(fileURLWithPath: folder + "/file"))
        // What ends the reading of commands is met where they are read.
        var tried: Set<String> = ["quit"]
        let client = try client("words")
        let shell = DeviceShell(client: client, database: "db", console: Console())
        for next in Self.cases(folder) {
            let answer = try await shell.perform(next.words)
            #expect(next.has(answer.value), "\(next.words): \(answer.value.text)")
            #expect(answer.text == next.text(answer.value), "\(next.words)")
            tried.insert(next.words[0])
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder + "/copy")) == Data("hello".utf8))
        await #expect(throws: DeviceFailure.self) { try await shell.perform(["takeback", "a"]) }
        #expect(try await shell.perform(["help"]).text == DeviceShell.help)
        try await client.close()
        // There is no server, which they find out side by side.
        let words = ["sync", "pull", "push"]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for word in words {
                group.addTask {
                    let client = try self.client(word)
                    let shell = DeviceShell(client: client, database: "db", console: Console())
                    await #expect(throws: FullSyncError.self, "\(word)") { try await shell.perform([word]) }
                    try await client.close()
                }
            }
            try await group.waitForAll()
        }
        #expect(tried.union(words + ["takeback"]) == Self.words)
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

    @Test func `a wrong key is told as one on a device that is offline too`() async throws {
        // The device knows its user from an earlier login.
        try FileManager.default.createDirectory(atPath: folder + "/device", withIntermediateDirectories: true)
        try TextFile.replace(folder + "/device/user", with: "ada")
        let user = ["FULLSYNC_DEVICE_PASSWORD": "canary-pw"]
        let made = try await fullsync(["--user", "ada", "post", #"{"_id": "a"}"#], user)
        #expect(made.status == .code(0), "\(made.lines)")
        let key = ["FULLSYNC_DEVICE_KEY": "0123456789abcdef"]
        let locked = try await fullsync(["--user", "ada", "info"], user.merging(key) { $1 })
        #expect(locked.status == .code(77) && locked.lines.last?.contains("not_encrypted") == true, "\(locked.lines)")
        let pull = try await fullsync(["--user", "ada", "pull"], user)
        #expect(pull.status == .code(69) && pull.lines.last?.contains("unreachable") == true, "\(pull.lines)")
    }

    @Test func `without a server a pull says so, and no file is made`() async throws {
        let pull = try await fullsync(["pull"])
        #expect(pull.status == .code(69), "\(pull.lines)")
        // Each wait is told once, and then how it has ended.
        #expect(pull.lines.count == SyncOptions.pull.attempts, "\(pull.lines)")
        let file = folder + "/prebuilt.sqlite"
        let prebuilt = try await fullsync(["--output", file], command: "prebuild")
        #expect(prebuilt.status == .code(69), "\(prebuilt.lines)")
        #expect(!FileManager.default.fileExists(atPath: file))
        #expect(try await fullsync([], command: "prebuild").status == .code(64))
    }
}
