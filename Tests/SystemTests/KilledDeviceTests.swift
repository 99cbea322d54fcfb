import CouchProtocol
import Foundation
import FullSyncClient
import JSON
import TestSupport
import Testing

extension SystemTests {
    /// A device in a process of its own, that is killed again and again.
    @Suite(.timeLimit(.minutes(30))) struct KilledDeviceTests {
        @Test func `a device that is killed while it edits and syncs has lost nothing that it said`() async throws {
            var random = SeededGenerator.announced()
            let stage = try await Stage.make("killed")
            let group = uniqueID("group")
            let user = try await stage.administrator.makeUser("canary-pw", groups: [group])
            let (database, folder) = (String(stage.path.dropFirst()), TestDirectory.make("killed"))
            let identity = DeviceProcess.Identity(user: user, database: database, folder: folder)
            let http = try await RunningSystem.shared.http
            var told: [String: [String]] = [:]
            for round in 0..<8 {
                let shell = try DeviceProcess(identity, http: http)
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
                await shell.kill()
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
