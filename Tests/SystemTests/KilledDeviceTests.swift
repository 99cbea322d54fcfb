import CouchProtocol
import Foundation
import FullSyncClient
import JSON
import PrivateServers
import TestSupport
import Testing

extension SystemTests {
    /// A device in a process of its own, that is killed again and again.
    @Suite(.timeLimit(.minutes(30))) struct KilledDeviceTests {
        /// `fullsync device`, which is given commands and read line by line.
        private final class Shell {
            private let process = Process()
            private let (input, output) = (Pipe(), Pipe())
            private var arriving: AsyncStream<Data>.AsyncIterator
            private var rest: [UInt8] = []

            init(user: String, database: String, folder: String, http: String) throws {
                process.executableURL = URL(fileURLWithPath: Executables.path("fullsync"))
                process.arguments = [
                    "device", "--user", user, "--server", http, "--database", database, "--directory", folder,
                ]
                process.environment = [
                    "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "FULLSYNC_HOME": folder + "/home",
                    "FULLSYNC_DEVICE_PASSWORD": "canary-pw",
                ]
                (process.standardInput, process.standardOutput) = (input, output)
                process.standardError = FileHandle.nullDevice
                let (chunks, arrival) = AsyncStream.makeStream(of: Data.self)
                arriving = chunks.makeAsyncIterator()
                try process.run()
                // A read stands still until the device says something, which is nothing for a thread that tasks share.
                Thread.detachNewThread { [output] in
                    while true {
                        let more = output.fileHandleForReading.availableData
                        guard !more.isEmpty else { break }
                        arrival.yield(more)
                    }
                    arrival.finish()
                }
            }

            func send(_ lines: [String]) throws {
                try input.fileHandleForWriting.write(contentsOf: Data(lines.map { $0 + "\n" }.joined().utf8))
            }

            /// The next line that the device prints; nil when it has ended.
            func next() async -> String? {
                while true {
                    if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                        defer { rest.removeSubrange(...end) }
                        return String(decoding: rest[..<end], as: UTF8.self)
                    }
                    guard let more = await arriving.next(isolation: #isolation) else { return nil }
                    rest.append(contentsOf: more)
                }
            }

            func kill() {
                Glibc.kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
            }
        }

        @Test func `a device that is killed while it edits and syncs has lost nothing that it said`() async throws {
            var random = SeededGenerator.announced()
            let stage = try await Stage.make("killed")
            let group = uniqueID("group")
            let user = try await stage.administrator.makeUser("canary-pw", groups: [group])
            let (database, folder) = (String(stage.path.dropFirst()), TestDirectory.make("killed"))
            let http = try await RunningSystem.shared.http
            var told: [String: [String]] = [:]
            for round in 0..<8 {
                let shell = try Shell(user: user, database: database, folder: folder, http: http)
                let posts = (0..<60).map { number in
                    let id = "r\(round)-\(number % 20)"
                    return #"merge {"_id":"\#(id)","n":\#(number),"~groups":["\#(group)"]}"#
                }
                try shell.send(["live"] + posts)
                // What the server gives and takes meanwhile.
                let revision = try await stage.put("s\(round)", ["~groups": [.string(group)]])
                if round % 2 == 1 {
                    try await stage.put("s\(round)", ["~owner": .string(stage.cast.stranger)], after: revision)
                }
                var wanted = Int.random(in: 1..<60, using: &random)
                while wanted > 0, let line = await shell.next() {
                    guard let receipt = try? JSONValue(parsing: line), let id = receipt["id"]?.stringValue,
                        let rev = receipt["rev"]?.stringValue
                    else { continue }
                    told[id, default: []].append(rev)
                    wanted -= 1
                }
                shell.kill()
            }
            let client = try FullSyncClient(server: http, directory: URL(fileURLWithPath: folder))
            try await client.login(name: user, password: "canary-pw")
            _ = try await client.sync(database).result
            #expect(try await client.sync(database).result == SyncResult())
            let asked = JSONObject(told.map { ($0.key, .array($0.value.map { .string($0) })) })
            let missing = try await stage.administrator.send("POST", "\(stage.path)/_revs_diff", .object(asked))
            #expect(!told.isEmpty && missing.json == [:], "each edit that it told of is on the server")
            let reader = try await Client(http).login(user, "canary-pw")
            let rows = try await reader.get("\(stage.path)/_all_docs").json["rows"]?.arrayValue ?? []
            let expected = rows.map { "\($0["id"]?.stringValue ?? "") \($0["value"]?["rev"]?.stringValue ?? "")" }
            let local = try await client.database(database)
            #expect(try await local.all().map { "\($0.key) \($0.revision ?? "")" } == expected)
            #expect(try await local.refusedEdits().isEmpty)
        }
    }
}
