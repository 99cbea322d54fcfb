import JSON
import NIOHTTP1
import Testing

extension SystemTests {
    /// What a client that knows nothing of rights is told when its user gains and loses documents (contract, 2.4).
    @Suite(.timeLimit(.minutes(30))) struct RevocationTests {
        /// A user of the directory, in no group, and a document of a group that is older than the user's checkpoint.
        private struct Scene {
            let stage: Stage
            let name: String
            let user: Client
            let group: String
            let revision: String

            static func make() async throws -> Scene {
                let system = try await RunningSystem.shared
                let stage = try await Stage.make("revocation")
                let group = uniqueID("group")
                let name = try await system.administrator.makeUser("canary-pw")
                return Scene(
                    stage: stage,
                    name: name,
                    user: try await Client(system.http).login(name, "canary-pw"),
                    group: group,
                    revision: try await stage.put("d", ["n": 1, "~groups": [.string(group)]])
                )
            }

            func join() async throws { try await move("PUT") }
            func leave() async throws { try await move("DELETE") }

            private func move(_ method: String) async throws {
                let path = "/_fullsync/groups/\(group)/members/\(name)"
                let answer = try await stage.administrator.send(method, path)
                try #require((200...201).contains(answer.status), "\(answer.json)")
            }

            /// The changes behind a place, and where they end.
            func changes(since: String) async throws -> (rows: [JSONValue], end: String) {
                let answer = try await user.get("\(stage.path)/_changes?style=all_docs&since=\(since)")
                return (
                    try #require(answer.json["results"]?.arrayValue),
                    try #require(answer.json["last_seq"]?.stringValue)
                )
            }

            /// A revision with its history, as a replicator reads it.
            func read(_ revision: JSONValue?) async throws -> JSONValue? {
                let answer = try await user.send(
                    "POST",
                    "\(stage.path)/_bulk_get?revs=true",
                    ["docs": [["id": "d", "rev": revision ?? .null]]]
                )
                return answer.json["results"]?.arrayValue?.first?["docs"]?.arrayValue?.first?["ok"]
            }

            func pushBack(_ document: JSONValue?) async throws {
                let before = try await stage.administrator.get(stage.path).json["update_seq"]
                let answer = try await user.send(
                    "POST",
                    "\(stage.path)/_bulk_docs",
                    ["new_edits": false, "docs": [document ?? .null]]
                )
                #expect(answer.status == 201 && answer.json == [], "\(answer.json)")
                #expect(try await stage.administrator.get(stage.path).json["update_seq"] == before)
            }
        }

        @Test func `what is granted late, taken away and given back reaches a device in order`() async throws {
            let scene = try await Scene.make()
            let start = try await scene.changes(since: "0")
            #expect(start.rows.isEmpty)
            try await scene.join()
            let granted = try await scene.changes(since: start.end)
            #expect(granted.rows.map { $0["id"] } == ["d"])
            #expect(granted.rows.first?["changes"]?.arrayValue?.first?["rev"] == .string(scene.revision))
            #expect(try await scene.changes(since: granted.end).rows.isEmpty)

            try await scene.leave()
            let revoked = try await scene.changes(since: granted.end)
            #expect(revoked.rows.map { $0["id"] } == ["d"])
            #expect(revoked.rows.first?["deleted"] == true)
            let tombstone = try await scene.read(revoked.rows.first?["changes"]?.arrayValue?.first?["rev"])
            #expect(tombstone?["_deleted"] == true && tombstone?["n"] == nil)
            // It is behind the revision that the device has, which is so no leaf any more.
            #expect(
                tombstone?["_revisions"]?["ids"]?.arrayValue?[1].stringValue.map { scene.revision.hasSuffix($0) }
                    == true
            )
            try await scene.pushBack(tombstone)
            #expect(try await scene.user.get("\(scene.stage.path)/d").status == 404)
            #expect(try await scene.stage.administrator.get("\(scene.stage.path)/d").status == 200)
            // A device that begins now was never given it, and is not told.
            #expect(try await scene.changes(since: "0").rows.isEmpty)

            try await scene.join()
            let returned = try await scene.changes(since: revoked.end)
            let comeback = try await scene.read(returned.rows.first?["changes"]?.arrayValue?.first?["rev"])
            #expect(comeback?["n"] == 1 && comeback?["_deleted"] == nil)
            #expect(comeback?["_revisions"]?["ids"]?.arrayValue?[1] == tombstone?["_revisions"]?["ids"]?.arrayValue?[0])
            try await scene.pushBack(comeback)
            // The user goes on from what the user sees; to everybody else that is the next revision of what it was.
            let edit = try await scene.user.send(
                "PUT",
                "\(scene.stage.path)/d",
                ["_rev": comeback?["_rev"] ?? .null, "n": 2]
            )
            #expect(edit.status == 201, "\(edit.json)")
            let stored = try await scene.stage.administrator.get("\(scene.stage.path)/d?conflicts=true").json
            #expect(stored["_rev"] == edit.json["rev"] && stored["_conflicts"] == nil && stored["n"] == 2)
        }

        @Test func `a document that is given to somebody else leaves the devices of whom it was`() async throws {
            let scene = try await Scene.make()
            try await scene.join()
            let held = try await scene.changes(since: "0")
            try await scene.stage.put("d", ["n": 2, "~groups": ["others"]], after: scene.revision)
            let revoked = try await scene.changes(since: held.end)
            #expect(revoked.rows.first?["deleted"] == true)
            let tombstone = try await scene.read(revoked.rows.first?["changes"]?.arrayValue?.first?["rev"])
            #expect(tombstone?["_deleted"] == true && tombstone?["n"] == nil && tombstone?["~groups"] == nil)
        }
    }
}
