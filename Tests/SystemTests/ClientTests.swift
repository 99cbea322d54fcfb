import Foundation
import FullSyncClient
import JSON
import TestSupport
import Testing

extension SystemTests {
    /// Applications on devices, against the endpoint: sessions, syncs, what is refused, and what is taken away.
    @Suite(.timeLimit(.minutes(30))) struct ClientTests {
        /// A user of the directory and a database of one test.
        private struct Scene {
            let stage: Stage
            let http: String
            let group = uniqueID("group")
            var database: String { String(stage.path.dropFirst()) }

            static func make(_ name: String) async throws -> Scene {
                Scene(stage: try await Stage.make(name), http: try await RunningSystem.shared.http)
            }

            /// A device of a new user, who is in the scene's group and logged in.
            func device() async throws -> (client: FullSyncClient, user: String) {
                let user = try await stage.administrator.makeUser("canary-pw", groups: [group])
                let client = try FullSyncClient(
                    server: http,
                    directory: URL(fileURLWithPath: TestDirectory.make("device")),
                    defaultDatabase: database
                )
                try await client.login(name: user, password: "canary-pw")
                return (client, user)
            }
        }

        /// The document, when it comes to be as it shall.
        private func wait(
            for id: String,
            in database: FullSyncDatabase,
            until isThere: @escaping @Sendable (JSONObject?) -> Bool
        ) async throws {
            for try await _ in database.changes() {
                let document = try await database.get(id)
                if isThere(document) { return }
            }
        }

        @Test func `what one device writes is on the other, with its attachments`() async throws {
            let scene = try await Scene.make("client")
            let (one, two) = (try await scene.device().client, try await scene.device().client)
            let live = try await two.sync(scene.database, .live)
            let database = try await one.database(scene.database)
            let document: JSONObject = ["_id": "a", "n": 1.5, "~groups": [.string(scene.group)]]
            try await one.call("fs://.post", document)
            let photo = Data((0..<700_000).map { UInt8(truncatingIfNeeded: $0) })
            try await database.putAttachment("photo", photo, contentType: "image/png", to: "a")
            #expect(try await one.sync(scene.database).result.pushed == 1)
            let other = try await two.database(scene.database)
            try await wait(for: "a", in: other) { $0 != nil }
            #expect(try await other.get("a")?["n"] == 1.5)
            #expect(try await other.attachment("photo", of: "a")?.content == photo)
            // And back, without anybody asking.
            try await two.call("fs://.post#edit", ["_id": "a", "_use_policy": "merge", "n": 2])
            let edited = try #require(try await other.get("a")?["_rev"]?.stringValue)
            try await eventually("the edit is on the server") {
                try await scene.stage.administrator.get("\(scene.stage.path)/a").json["_rev"] == .string(edited)
            }
            let pulled = try await one.call("fs://.replicate_pull")
            #expect(pulled["ok"] == true && pulled["pulled"] == 1)
            #expect(try await database.get("a")?["n"] == 2)
            live.cancel()
            await #expect(throws: (any Error).self) { try await live.result }
        }

        @Test func `an edit that the server refuses is kept and listed`() async throws {
            let scene = try await Scene.make("client-refused")
            try await scene.stage.put("public", ["n": 1])
            let client = try await scene.device().client
            let events = client.events
            _ = try await client.sync(scene.database).result
            let database = try await client.database(scene.database)
            try await database.post(["_id": "public", "n": 2], policy: .merge)
            try await database.post(["_id": "mine", "n": 1])
            let result = try await client.sync(scene.database).result
            #expect((result.pushed, result.refused) == (1, 1))
            let refused = try await database.refusedEdits()
            #expect(refused.map(\.id) == ["public"])
            #expect(refused.map(\.error) == ["forbidden"])
            #expect(try await database.get("public")?["n"] == 2)
            for await event in events {
                guard case .editRefused(let name, let edit) = event else { continue }
                #expect(name == scene.database && [edit] == refused)
                break
            }
            #expect(try await client.takeBack(try #require(refused.first), in: scene.database))
            #expect(try await database.get("public")?["n"] == 1)
            #expect(try await database.refusedEdits().isEmpty)
            #expect(try await client.sync(scene.database).result == SyncResult())
        }

        @Test func `a device that begins with a file goes on where the file's pull had come to`() async throws {
            let scene = try await Scene.make("client-prebuilt")
            for place in 0..<30 { try await scene.stage.put("d\(place)", ["n": .number(JSONNumber(place))]) }
            let maker = try await scene.device().client
            _ = try await maker.sync(scene.database, .pull).result
            let file = URL(fileURLWithPath: TestDirectory.make("prebuilt")).appendingPathComponent("file")
            try await maker.export(scene.database, to: file)
            try await scene.stage.put("later", ["n": 1])
            let user = try #require(await maker.user)
            for (name, pulled) in [(user, 1), (try await scene.device().user, 1)] {
                let directory = URL(fileURLWithPath: TestDirectory.make("device"))
                let client = try FullSyncClient(server: scene.http, directory: directory)
                try await client.login(name: name, password: "canary-pw")
                try await client.importDatabase(scene.database, from: file)
                let sync = try await client.sync(scene.database, .pull)
                var looked = 0
                for await progress in sync.progress { looked = max(looked, progress.current) }
                #expect(try await sync.result.pulled == pulled)
                // Another user's place is not the maker's: everything is compared, and nothing is sent again.
                #expect(name == user ? looked == 1 : looked == 31)
                #expect(try await client.database(scene.database).all().count == 31)
            }
        }

        @Test func `a document that is taken away leaves the device, and edits of it are kept aside`() async throws {
            let scene = try await Scene.make("client-revoked")
            let (client, user) = try await scene.device()
            for id in ["untouched", "edited"] {
                try await scene.stage.put(id, ["n": 1, "~groups": [.string(scene.group)]])
            }
            _ = try await client.sync(scene.database).result
            let database = try await client.database(scene.database)
            #expect(try await database.all().count == 2)
            try await database.post(["_id": "edited", "n": 2], policy: .merge)
            let path = "/_fullsync/groups/\(scene.group)/members/\(user)"
            #expect(try await scene.stage.administrator.send("DELETE", path).status == 200)
            let result = try await client.sync(scene.database).result
            #expect(result.refused == 1)
            #expect(try await database.all().isEmpty)
            let kept = try await database.keptEdits()
            #expect(kept.map(\.documentID) == ["edited"])
            #expect(kept.first?.document["n"] == 2)
            #expect(try await database.refusedEdits().isEmpty)
            for edit in kept { try await database.forget(edit) }
            #expect(try await database.keptEdits().isEmpty)
            // It stays away, and nothing more is pushed.
            #expect(try await client.sync(scene.database).result == SyncResult())
        }

        @Test func `a live sync waits for the login after a restart, and users are kept apart`() async throws {
            let scene = try await Scene.make("client-session")
            let directory = URL(fileURLWithPath: TestDirectory.make("device"))
            let users = [
                try await scene.stage.administrator.makeUser("canary-pw"),
                try await scene.stage.administrator.makeUser("canary-pw"),
            ]
            let before = try FullSyncClient(server: scene.http, directory: directory)
            try await before.login(name: users[0], password: "canary-pw")
            try await before.database(scene.database).post(["_id": "a"])
            try await before.close()

            let client = try FullSyncClient(server: scene.http, directory: directory)
            #expect(await client.user == users[0])
            let database = try await client.database(scene.database)
            #expect(try await database.get("a") != nil)
            let live = try await client.sync(scene.database, .live)
            for await progress in live.progress where progress.state == .needsLogin { break }
            try await client.login(name: users[0], password: "canary-pw")
            try await eventually("the document is on the server") {
                try await scene.stage.administrator.get("\(scene.stage.path)/a").status == 200
            }
            try await client.login(name: users[1], password: "canary-pw")
            #expect(try await client.database(scene.database).get("a") == nil)
            try await client.logout(erasing: true)
            try await client.login(name: users[0], password: "canary-pw")
            #expect(try await client.database(scene.database).get("a") != nil)
        }
    }
}
