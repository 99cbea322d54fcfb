import Foundation
import FullSyncClient
import JSON
import TestSupport
import Testing

extension SystemTests {
    /// Devices whose sessions end, whose servers move, and whose files are given away: nobody gets or keeps what is not
    /// theirs, and nobody misses what is.
    @Suite(.timeLimit(.minutes(30))) struct DeviceRightsTests {
        /// A user with a folder for a device.
        private struct Owner {
            let name: String
            let http: String
            let folder = URL(fileURLWithPath: TestDirectory.make("device"))

            init(_ stage: Stage, groups: [String] = []) async throws {
                name = try await stage.administrator.makeUser("canary-pw", groups: groups)
                http = try await RunningSystem.shared.http
            }

            /// The device, as the application begins: nobody is logged in yet.
            func open(at address: String? = nil) throws -> FullSyncClient {
                try FullSyncClient(server: address ?? http, directory: folder)
            }

            func device(at address: String? = nil) async throws -> FullSyncClient {
                let client = try open(at: address)
                try await client.login(name: name, password: "canary-pw")
                return client
            }
        }

        private func database(_ stage: Stage) -> String { String(stage.path.dropFirst()) }

        private func ids(_ client: FullSyncClient, _ stage: Stage) async throws -> [String] {
            try await client.database(database(stage)).all().map(\.key)
        }

        @Test func `a session that has ended misses nothing where everybody may read`() async throws {
            let stage = try await Stage.make("ended", settings: ["anonymous": "read"])
            let owner = try await Owner(stage)
            let client = try await owner.device()
            try await stage.put("before")
            _ = try await client.sync(database(stage), .pull).result
            let ended = try await stage.administrator.send("DELETE", "/_fullsync/users/\(owner.name)/sessions")
            #expect(ended.json["ended"] == 1)
            try await stage.put("mine", ["~owner": .string(owner.name)])
            try await stage.put("behind")
            #expect(try await client.sync(database(stage), .pull).result.pulled == 2)
            #expect(try await ids(client, stage) == ["before", "behind", "mine"])
        }

        @Test func `a session that has ended is refused by databases, and is none elsewhere`() async throws {
            let stage = try await Stage.make("ended", settings: ["anonymous": "read"])
            let owner = try await Owner(stage)
            let http = try await RunningSystem.shared.http
            let session = try await Client(http).login(owner.name, "canary-pw")
            #expect(try await session.get(stage.path).status == 200)
            _ = try await stage.administrator.send("DELETE", "/_fullsync/users/\(owner.name)/sessions")
            for path in ["", "/_changes", "/_all_docs", "/_local/x", "/d"] {
                let answer = try await session.get(stage.path + path)
                #expect(answer.status == 401 && answer.reason == "The session has ended.", "\(path)")
            }
            #expect(try await session.get("/_session").json["userCtx"]?["name"] == .null)
            #expect(try await session.get("/").status == 200)
            try await stage.expect(stage.anonymous, "GET", "/_all_docs", 200)
        }

        @Test func `a user's database is not synced as nobody after a restart`() async throws {
            let stage = try await Stage.make("restarted", settings: ["anonymous": "read"])
            let owner = try await Owner(stage)
            let before = try await owner.device()
            _ = try await before.database(database(stage))
            try await before.close()
            try await stage.put("mine", ["~owner": .string(owner.name)])
            try await stage.put("behind")
            let client = try owner.open()
            let live = try await client.sync(database(stage), .live)
            for await progress in live.progress where progress.state == .needsLogin { break }
            #expect(try await ids(client, stage) == [])
            try await client.login(name: owner.name, password: "canary-pw")
            try await eventually("all is there") { try await ids(client, stage) == ["behind", "mine"] }
            try await client.close()
        }

        @Test func `tags by other names are tags on a device, and in a file that is given away`() async throws {
            let stage = try await Stage.make("renamed", settings: ["ownerMember": "acl", "groupsMember": "teams"])
            let (owner, other) = (try await Owner(stage), try await Owner(stage))
            try await stage.put("mine", ["acl": .string(owner.name), "n": 1])
            try await stage.put("open", ["n": 1])
            let maker = try await owner.device()
            _ = try await maker.sync(database(stage), .pull).result
            let file = URL(fileURLWithPath: TestDirectory.make("prebuilt")).appendingPathComponent("file")
            try await maker.export(database(stage), to: file)
            let stranger = try await other.device()
            await #expect {
                try await stranger.importDatabase(database(stage), from: file)
            } throws: { error in
                (error as? FullSyncError)?.error == "forbidden"
            }
            // Whom it belongs to stays.
            let local = try await maker.database(database(stage))
            try await local.post(["_id": "mine", "n": 2], policy: .override)
            #expect(try await local.get("mine")?["acl"] == .string(owner.name))
            #expect(try await maker.sync(database(stage)).result.pushed == 1)
            let written = try await stage.administrator.get("\(stage.path)/mine").json
            #expect(written["acl"] == .string(owner.name) && written["n"] == 2)
            let another = try FullSyncClient(
                server: owner.http,
                directory: URL(fileURLWithPath: TestDirectory.make("device"))
            )
            try await another.login(name: owner.name, password: "canary-pw")
            try await another.importDatabase(database(stage), from: file)
            #expect(try await another.sync(database(stage), .pull).result.pulled == 1)
        }

        @Test func `a push that is begun beside a live sync leaves its pull`() async throws {
            let stage = try await Stage.make("ways")
            let owner = try await Owner(stage)
            let client = try await owner.device()
            let live = try await client.sync(database(stage), .live)
            for await next in live.progress where next.direction == .pull && next.state == .upToDate { break }
            try await client.database(database(stage)).post(["_id": "a"])
            _ = try await client.sync(database(stage), .push).result
            #expect(try await stage.administrator.get("\(stage.path)/a").status == 200)
            try await stage.put("b")
            try await eventually("the pull goes on") { try await ids(client, stage) == ["a", "b"] }
            await client.stop(database(stage))
            await #expect(throws: (any Error).self) { try await live.result }
        }

        @Test func `a live sync is with the new database when one was made in the place of another`() async throws {
            let stage = try await Stage.make("remade", settings: ["publicWrites": "allow"])
            let owner = try await Owner(stage)
            let client = try await owner.device()
            let events = client.events
            let local = try await client.database(database(stage))
            try await local.post(["_id": "a"])
            let live = try await client.sync(database(stage), .live)
            for await next in live.progress where next.direction == .pull && next.state == .upToDate { break }
            try await eventually("the edit is on the server") {
                try await stage.administrator.get("\(stage.path)/a").status == 200
            }
            #expect(try await stage.administrator.send("DELETE", stage.path).status == 200)
            #expect(try await stage.administrator.send("PUT", stage.path).status == 201)
            for await event in events where event == .databaseRemade(database: database(stage)) { break }
            try await eventually("the edit is in the new database") {
                try await stage.administrator.get("\(stage.path)/a").status == 200
            }
            try await stage.put("b")
            try await eventually("it goes on") { try await ids(client, stage) == ["a", "b"] }
            try await client.close()
        }
    }
}
