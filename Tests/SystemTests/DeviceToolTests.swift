import Foundation
import FullSyncClient
import JSON
import PrivateServers
import TestSupport
import Testing

extension SystemTests {
    /// The tool as a device of a user, with the running system.
    @Suite(.timeLimit(.minutes(30))) struct DeviceToolTests {
        private let folder = TestDirectory.make("device-tool")

        /// Runs the tool, and gives how it ended and the last line that it printed.
        private func fullsync(
            _ command: String,
            _ stage: Stage,
            _ user: String,
            _ arguments: [String],
            password: String = "canary-pw",
            server: String? = nil
        ) async throws -> (status: ChildProcess.ExitStatus, last: String) {
            let log = LogFile("\(folder)/output-\(UUID().uuidString)")
            let running = try await RunningSystem.shared.http
            let given = [
                command, "--user", user, "--server", server ?? running, "--database", stage.database,
                "--directory", "\(folder)/\(command)",
            ]
            let child = try await ChildProcess.start(
                Command(
                    Executables.path("fullsync"),
                    given + arguments,
                    environment: [
                        "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "FULLSYNC_HOME": folder + "/home",
                        "FULLSYNC_DEVICE_PASSWORD": password,
                    ],
                    output: .appended(to: log.path)
                )
            )
            let status = await child.waitForExit()
            let lines = try TextFile.read(log.path).split(separator: "\n")
            return (status, lines.last.map(String.init) ?? "")
        }

        @Test func `a device in the terminal syncs, and takes back what is refused`() async throws {
            let stage = try await Stage.make("device-tool")
            let user = try await stage.administrator.makeUser("canary-pw")
            try await stage.put("a", ["n": 1])
            func device(_ words: String...) async throws -> (status: ChildProcess.ExitStatus, last: String) {
                try await fullsync("device", stage, user, words)
            }
            let wrong = try await fullsync("device", stage, user, ["sync"], password: "wrong")
            #expect(wrong.status == .code(77), "\(wrong.last)")
            #expect(try await device("pull").last == "pulled 1, pushed 0, refused 0, failed 0")
            // What everybody may read is not everybody's to write, and a document of one's own is.
            for id in ["a", "own"] {
                #expect(try await device("merge", #"{"_id": "\#(id)", "m": 2}"#).status == .code(0))
            }
            let pushed = try await device("--json", "push")
            #expect(pushed.last == #"{"pulled":0,"pushed":1,"refused":1,"failed":0}"#)
            let refused = try JSONValue(parsing: try await device("--json", "refused").last)
            #expect(refused.arrayValue?.map { $0["id"] } == ["a"] && refused.arrayValue?.first?["error"] == "forbidden")
            #expect(try await device("takeback", "a").last == "taken back")
            #expect(try await device("--json", "sync").status == .code(0))
            let document = try JSONValue(parsing: try await device("get", "a").last)
            #expect(document["n"] == 1 && document["m"] == nil)
            #expect(try await stage.administrator.get("\(stage.path)/own").json["m"] == 2)
            #expect(try await device("--json", "call", "no-project.sequence").status == .code(66))
            let away = try await fullsync("device", stage, user, ["sync"], server: "http://127.0.0.1:1")
            #expect(away.status == .code(69) && away.last.contains("unreachable"), "\(away.last)")
        }

        @Test func `a file that the tool makes is a beginning, and no file is overwritten`() async throws {
            let stage = try await Stage.make("prebuild")
            let user = try await stage.administrator.makeUser("canary-pw")
            for number in 0..<5 { try await stage.put("d\(number)", ["n": .number(JSONNumber(number))]) }
            let map: JSONValue = "function (doc) { emit(doc.n, null) }"
            try await stage.put("_design/d", ["views": ["v": ["map": map]]])
            let file = folder + "/prebuilt.sqlite"
            func prebuild(_ arguments: String...) async throws -> (status: ChildProcess.ExitStatus, last: String) {
                try await fullsync("prebuild", stage, user, ["--output", file] + arguments)
            }
            let unknown = try await prebuild("--view", "d/none")
            #expect(unknown.status == .code(66), "\(unknown.last)")
            #expect(!FileManager.default.fileExists(atPath: file))
            let made = try await prebuild("--view", "d/v")
            #expect(made.status == .code(0) && made.last == "\(file) is made", "\(made.last)")
            let again = try await prebuild()
            #expect(again.status == .code(65), "\(again.last)")
            let client = try FullSyncClient(
                server: try await RunningSystem.shared.http,
                directory: URL(fileURLWithPath: folder + "/begun")
            )
            try await client.login(name: user, password: "canary-pw")
            try await client.importDatabase(stage.database, from: URL(fileURLWithPath: file))
            let database = try await client.database(stage.database)
            #expect(try await database.info().documentCount == 6)
            #expect(try await client.sync(stage.database, .pull).result.pulled == 0)
            try await client.close()
        }
    }
}
