import ArgumentParser
import Foundation
import JSON
import PrivateServers
import TestSupport
import Testing

@testable import FullSyncTool

/// Which endpoint a command speaks to, who learns the home's password, and what is no answer.
@Suite(.timeLimit(.minutes(10))) struct EndpointChoiceTests {
    private let folder = TestDirectory.make("endpoint-choice")

    /// Runs the tool with a home that keeps a password; gives how it ended, and all that it printed.
    private func fullsync(
        _ arguments: [String],
        _ settings: [String: String],
        to output: String? = nil
    ) async throws -> (status: ChildProcess.ExitStatus, output: String) {
        let (home, log) = (folder + "/home", "\(folder)/output-\(UUID().uuidString)")
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        try TextFile.replace(home + "/admin-password", with: "canary-password\n")
        let environment = ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "FULLSYNC_HOME": home]
        let command = Command(
            "/usr/bin/bash",
            ["-c", "exec \"$0\" \"$@\"" + (output.map { " > \($0)" } ?? ""), Executables.path("fullsync")] + arguments,
            environment: environment.merging(settings) { $1 },
            output: .appended(to: log)
        )
        let status = try await ChildProcess.start(command).waitForExit()
        return (status, try TextFile.read(log))
    }

    @Test func `the password of a home is for the endpoint of that home alone`() async throws {
        for elsewhere in ["http://127.0.0.1:1", "http://example.invalid:5984", "https://127.0.0.1:5984"] {
            let (status, output) = try await fullsync(["users"], ["FULLSYNC_ENDPOINT": elsewhere])
            #expect(status == .code(78), "\(elsewhere): \(output)")
            #expect(output.contains("FULLSYNC_ADMIN_USER") && output.contains("FULLSYNC_ADMIN_PASSWORD"))
            #expect(!output.contains("canary-password"))
        }
        for own in ["http://127.0.0.1:1", "http://localhost:1/", "http://[::1]:1"] {
            let settings = ["FULLSYNC_ENDPOINT": own, "FULLSYNC_PORT": "1"]
            #expect(try await fullsync(["users"], settings).status == .code(69), "\(own)")
        }
        let given = ["FULLSYNC_ENDPOINT": "http://127.0.0.1:1", "FULLSYNC_ADMIN_PASSWORD": "x"]
        #expect(try await fullsync(["users"], given).status == .code(69))
        let settings = ["FULLSYNC_HOME": folder + "/none"]
        let (status, output) = try await fullsync(["users"], settings)
        #expect(status == .code(78) && output.contains("`fullsync start`") && output.contains("FULLSYNC_HOME"))
    }

    @Test func `a home's endpoint is where it was started, whatever port a start would take`() async throws {
        let supervisor = folder + "/home/run/supervisor"
        try FileManager.default.createDirectory(atPath: folder + "/home/run", withIntermediateDirectories: true)
        try TextFile.replace(supervisor, with: try #require(ProcessIdentity.current).description + "\n")
        try TextFile.replace(
            folder + "/home/endpoints.json",
            with: #"{"http": "http://admin:canary-password@127.0.0.1:2"}"#
        )
        for settings in [[:], ["FULLSYNC_PORT": "1"], ["FULLSYNC_ENDPOINT": "http://127.0.0.1:2"]] {
            let (status, output) = try await fullsync(["users"], settings)
            #expect(status == .code(69) && output.contains("127.0.0.1:2 does not answer"), "\(settings): \(output)")
        }
        let other = ["FULLSYNC_ENDPOINT": "http://127.0.0.1:1", "FULLSYNC_PORT": "1"]
        #expect(try await fullsync(["users"], other).status == .code(78))
        let device = try await fullsync(["device", "--directory", folder + "/device", "pull"], [:])
        #expect(device.status == .code(69) && !device.output.contains("5984"), "\(device.output)")
        // One that was killed has left its addresses, where somebody else may be by now.
        try FileManager.default.removeItem(atPath: supervisor)
        let (status, output) = try await fullsync(["users"], ["FULLSYNC_PORT": "1"])
        #expect(status == .code(69) && output.contains("127.0.0.1:1 does not answer"), "\(output)")
    }

    @Test(arguments: ["http://ada:canary-word@127.0.0.1:1", "http://canary-word@127.0.0.1:1", "http://:canary-word@h"])
    func `credentials in an address are refused, and not repeated`(address: String) async throws {
        let settings = ["FULLSYNC_ENDPOINT": address, "FULLSYNC_ADMIN_PASSWORD": "x"]
        let (status, output) = try await fullsync(["users"], settings)
        #expect(status == .code(78) && output.contains("without credentials"), "\(output)")
        #expect(output.contains("FULLSYNC_ADMIN_USER") && output.contains("FULLSYNC_ADMIN_PASSWORD"), "\(output)")
        let device = try await fullsync(["device", "--server", address, "sync"], [:])
        #expect(device.status == .code(64) && device.output.contains("FULLSYNC_DEVICE_PASSWORD"), "\(device.output)")
        for text in [output, device.output] { #expect(!text.contains("canary-word"), "\(text)") }
    }

    @Test func `an address that is none is refused`() async throws {
        for wrong in ["http://127.0.0.1:65536", "http://127.0.0.1:99999999999999999999", "127.0.0.1:5984", "x"] {
            #expect(throws: ServerAddress.Refusal.malformed, "\(wrong)") { try ServerAddress.checked(wrong) }
        }
        let settings = ["FULLSYNC_ENDPOINT": "http://127.0.0.1:65536", "FULLSYNC_ADMIN_PASSWORD": "x"]
        let (status, output) = try await fullsync(["users"], settings)
        #expect(status == .code(78) && output.contains("FULLSYNC_ENDPOINT must be"), "\(output)")
        let device = try await fullsync(["device", "--server", "http://127.0.0.1:65536", "sync"], [:])
        #expect(device.status == .code(64) && device.output.contains("--server must be"), "\(device.output)")
    }

    @Test func `an answer that is not what it must be is none`() throws {
        let garbage: JSONValue = ["users": "x", "runs": [1]]
        for name in ["users", "runs", "projects"] {
            #expect(throws: StrangeAnswer.self) { try garbage.objects(name) }
        }
        let mixed: JSONValue = ["a", 1]
        #expect(throws: StrangeAnswer.self) { try mixed.texts }
        #expect(throws: StrangeAnswer.self) { try JSONValue.null.members }
        #expect(StrangeAnswer(reason: "").exitCode.rawValue == 76)
        let right: JSONValue = ["users": [["name": "ann"]]]
        #expect(try right.objects("users").count == 1)
    }

    @Test func `what cannot be written is a failure, and a reader who has seen enough is none`() async throws {
        let (status, output) = try await fullsync(["schema", "project"], [:], to: "/dev/full")
        #expect(status == .code(74) && output.contains("cannot be written"), "\(output)")
        #expect(try await fullsync(["schema", "project"], [:], to: ">(true)").status == .code(0))
    }

    @Test func `names that are none are refused before anybody is asked`() async throws {
        for (words, reason) in [
            (["users", "show", ""], "may not be empty"), (["groups", "add", "", "ann"], "may not be empty"),
            (["rollback", "./my-notes"], "no directory"),
            (["undeploy", "my-notes/"], "no directory"),
            (["rollback", "my-notes", "2", "--list"], "--list"),
        ] {
            let (status, output) = try await fullsync(words, ["FULLSYNC_PORT": "1"])
            #expect(status == .code(64) && output.contains(reason), "\(words): \(output)")
        }
        for words in [["rollback", "My_Project"], ["undeploy", "My_Project"]] {
            let (status, output) = try await fullsync(words, ["FULLSYNC_PORT": "1"])
            #expect(status == .code(69), "\(words): \(output)")
        }
        try TextFile.replace(folder + "/file", with: "")
        let nowhere = try await fullsync(["new", folder + "/file/my-notes"], [:])
        #expect(nowhere.output == "fullsync: \(folder)/file/my-notes: Not a directory\n")
    }

    @Test func `a private system has what is set of symbols and connectors, and nothing of another system`() {
        for passed in ["PATH", "FULLSYNC_SYMBOL_URL", "FULLSYNC_CONNECTOR_SQLITE_FOLDER"] {
            #expect(PrivateSystem.isPassedOn(passed), "\(passed)")
        }
        for kept in ["FULLSYNC_HOME", "FULLSYNC_POSTGRES_URL", "FULLSYNC_ADMIN_PASSWORD", "FULLSYNC_ENDPOINT"] {
            #expect(!PrivateSystem.isPassedOn(kept), "\(kept)")
        }
    }

    @Test func `a refusal is one sentence, with what helps`() {
        let path = ["_fullsync", "projects", "x", "sequences", "a"]
        let help = EndpointRefusal.help(for: 404, to: .init(path: path))
        let missing = EndpointRefusal(status: 404, error: "not_found", reason: "No such.", run: nil, help: help)
        #expect(missing.description == "404 not_found: No such; `fullsync doctor` shows what there is")
        #expect(EndpointRefusal.help(for: 401, to: .init(path: path))?.contains("--as") == true)
        #expect(EndpointRefusal.help(for: 401, to: .init(path: ["_fullsync", "runs"]))?.contains("--as") == false)
    }
}
