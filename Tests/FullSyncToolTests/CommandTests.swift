import ArgumentParser
import Foundation
import JSON
import PrivateServers
import TestSupport
import Testing

@testable import FullSyncTool

/// What commands make of their arguments, and how they end.
@Suite struct CommandTests {
    @Test func `variables are JSON where they are, and text otherwise`() throws {
        let object = try CallCommand.object(["n=3", "l=[1]", "t=a=b", "e=", "q=\"3\"", "x=tru"])
        #expect(object == ["n": 3, "l": [1], "t": "a=b", "e": "", "q": "3", "x": "tru"])
        for wrong in [["n"], ["=1"], ["a=1", "a=2"]] {
            #expect(throws: WrongArgument.self) { try CallCommand.object(wrong) }
        }
    }

    @Test func `ARCHITECTURE names every command`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appendingPathComponent("ARCHITECTURE.md"), encoding: .utf8)
        let row = try #require(page.split(separator: "\n").first { $0.hasPrefix("| `fullsync` |") })
        let named = Set(row.split { !$0.isLetter }.map(String.init))
        let shown = FullSyncCommand.configuration.subcommands.filter { $0.configuration.shouldDisplay }
        let commands = shown.compactMap { $0.configuration.commandName }
        #expect(commands.count > 20)
        for command in commands { #expect(named.contains(command), "'\(command)' is not named") }
    }

    @Test func `what comes from outside tells the terminal nothing`() {
        let name = "a\u{1B}[2J\u{7F}\u{9B}31m\r\nb"
        let table = Table(["user"], [[name], ["zoë"]], paint: Paint(isOn: false))
        #expect(table.text == "user\na?[2J??31m??b\nzoë")
        #expect(JSONValue.string(name).cell == "a?[2J??31m??b")
        #expect("one\ntwo\u{1B}".printableLines == "one\ntwo?")
    }

    @Test func `a password comes from the environment or a file, never from nowhere`() throws {
        let file = TestDirectory.make("password") + "/password"
        try TextFile.replace(file, with: "secret\n")
        #expect(try UserPassword.given(["FULLSYNC_USER_PASSWORD": "given"]) == "given")
        #expect(try UserPassword.given(["FULLSYNC_USER_PASSWORD_FILE": file]) == "secret")
        for empty in [[:], ["FULLSYNC_USER_PASSWORD": ""], ["FULLSYNC_USER_PASSWORD_FILE": file + "x"]] {
            #expect(throws: WrongArgument.self) { try UserPassword.given(empty) }
        }
        let unread = #expect(throws: WrongArgument.self) {
            try UserPassword.given(["FULLSYNC_USER_PASSWORD_FILE": file + "x"])
        }
        #expect(unread?.description.contains("\(file)x cannot be read") == true)
    }

    @Test(
        arguments: [
            (400, 65), (401, 77), (403, 77), (404, 66), (409, 1), (500, 1), (503, 69),
        ] as [(Int, Int32)]
    )
    func `what the endpoint refuses has an exit code`(status: Int, code: Int32) {
        let refusal = EndpointRefusal(status: status, error: "e", reason: "r", run: nil)
        #expect(refusal.exitCode.rawValue == code)
    }

    @Test func `what the endpoint says of a project is told in its parts`() {
        let part: JSONValue = ["file": "a.yaml", "line": 1, "column": 9, "message": "m", "suggestion": "s"]
        let reason = "a.yaml:1:9: m; s"
        let refusal = EndpointRefusal(status: 400, error: "bad_project", reason: reason, run: nil, details: [part])
        #expect(WrongProject(refusal).problems == [part])
        #expect(WrongProject(refusal).description.contains(reason))
    }

    @Test func `a new project checks, and its directory is not overwritten`() async throws {
        let directory = TestDirectory.make("new") + "/my-notes"
        let tool = Executables.path("fullsync")
        let made = try await CommandFailure.check(tool, ["new", directory])
        // To ask by umask(2) is to change it, for the suites beside this one too.
        let status = try TextFile.read("/proc/self/status").split(separator: "\n")
        let digits = try #require(status.first { $0.hasPrefix("Umask:") }?.split(separator: "\t").last)
        let mask = try #require(Int(digits, radix: 8))
        for file in ["project.yaml", ".schema/job.json"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(directory)/\(file)")
            #expect(attributes[.posixPermissions] as? Int == 0o666 & ~mask, "\(file)")
        }
        #expect(made.contains("\(directory)/project.yaml"))
        let checked = try await CommandFailure.check(tool, ["check", directory])
        #expect(checked.last == "my-notes: 10 files, nothing wrong.", "\(checked)")
        await #expect(throws: CommandFailure.self) { try await CommandFailure.check(tool, ["new", directory]) }
        await #expect(throws: CommandFailure.self) {
            try await CommandFailure.check(tool, ["new", directory + "/Not_A_Name"])
        }
    }

    @Test func `check names the symbols that are not set, and judges nothing that has one`() async throws {
        let directory = TestDirectory.make("symbols")
        try FileManager.default.createDirectory(atPath: directory + "/connectors", withIntermediateDirectories: true)
        try TextFile.replace(
            directory + "/project.yaml",
            with: "project: p\nsymbols:\n  URL: {}\n  LIMIT: {default: 10}\n"
        )
        try TextFile.replace(
            directory + "/connectors/erp.yaml",
            with: "type: http\nbaseUrl: ${URL}\nconcurrency: ${LIMIT}\ntransactions: {}\n"
        )
        let remark = "Not set here, and so not judged where they stand: FULLSYNC_SYMBOL_URL."
        let open = try await CommandFailure.check(Executables.path("fullsync"), ["check", directory])
        #expect(open == [remark, "p: 2 files, nothing wrong."])
        let right = try await CommandFailure.check(
            Executables.path("fullsync"),
            ["check", directory],
            environment: ["FULLSYNC_SYMBOL_URL": "http://erp"]
        )
        #expect(right == ["p: 2 files, nothing wrong."])
        try TextFile.replace(
            directory + "/connectors/erp.yaml",
            with: "type: http\nbaseUrl: http://erp\ntransactions: {}\n"
        )
        let unused = try await CommandFailure.check(Executables.path("fullsync"), ["check", directory])
        #expect(unused == [remark, "p: 2 files, nothing wrong."])
    }

    @Test func `check parses the JavaScript of all files, and runs none`() async throws {
        let directory = TestDirectory.make("scripts")
        let design = "/databases/docs/design/orders/views/open"
        for folder in ["/sequences", design] {
            try FileManager.default.createDirectory(
                atPath: directory + folder,
                withIntermediateDirectories: true
            )
        }
        try TextFile.replace(directory + "/project.yaml", with: "project: p\n")
        try TextFile.replace(directory + "/databases/docs/database.yaml", with: "")
        let map = directory + design + "/map.js"
        let sequence = directory + "/sequences/sum.yaml"
        try TextFile.replace(map, with: "(() => { while (true) ; })()\n")
        try TextFile.replace(sequence, with: "steps:\n  - js: |\n      while (true) {\n      }\n    as: a\n")
        let tool = Executables.path("fullsync")
        #expect(try await CommandFailure.check(tool, ["check", directory]).last == "p: 4 files, nothing wrong.")

        try TextFile.replace(map, with: "function (doc) {\n  emit(doc._id, null;\n}\n")
        try TextFile.replace(sequence, with: "steps:\n  - js: |\n      while (true) {\n        a a;\n      }\n")
        let failure = await #expect(throws: CommandFailure.self) {
            try await CommandFailure.check(tool, ["check", directory])
        }
        #expect(
            failure?.lines == [
                "databases/docs/design/orders/views/open/map.js:2:1: is no JavaScript: Unexpected token ';'. "
                    + "Expected ')' to end an argument list.",
                "sequences/sum.yaml:4:7: the code is no JavaScript: Unexpected identifier 'a'", "2 problems.",
            ]
        )
    }

    @Test func `without an endpoint a command says so, and ends with 69`() async throws {
        let log = TestDirectory.make("unreachable") + "/output"
        let command = Command(
            Executables.path("fullsync"),
            ["runs"],
            environment: [
                "PATH": "/usr/bin:/bin", "FULLSYNC_ENDPOINT": "http://127.0.0.1:1",
                "FULLSYNC_ADMIN_PASSWORD": "canary-password",
            ],
            output: .appended(to: log)
        )
        let status = try await ChildProcess.start(command).waitForExit()
        #expect(status == .code(69))
        let output = try TextFile.read(log)
        #expect(output.contains("does not answer") && !output.contains("canary-password"))
    }
}
