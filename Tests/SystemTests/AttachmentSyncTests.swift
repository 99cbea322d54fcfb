import Foundation
import FullSyncClient
import JSON
import TestSupport
import Testing

extension SystemTests {
    /// Attachments between devices, however large they are.
    @Suite(.timeLimit(.minutes(30))) struct AttachmentSyncTests {
        private let large = Data((0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) })
        private let text = Data(String(repeating: "The same again. ", count: 100_000).utf8)

        private func device(
            _ stage: Stage,
            _ user: String,
            password: String? = nil,
            key: Data? = nil
        ) async throws -> FullSyncClient {
            let client = try FullSyncClient(
                server: try await RunningSystem.shared.http,
                directory: URL(fileURLWithPath: TestDirectory.make("device")),
                defaultDatabase: String(stage.path.dropFirst()),
                encryptionKey: key
            )
            try await client.login(name: user, password: password ?? RunningSystem.password(of: user))
            return client
        }

        private func attach(
            _ files: [String: Data],
            to id: String,
            of stage: Stage,
            on client: FullSyncClient
        ) async throws {
            let database = try await client.database(stage.database)
            for (name, content) in files.sorted(by: { $0.key < $1.key }) {
                let type = name.hasSuffix(".txt") ? "text/plain" : "image/png"
                try await database.putAttachment(name, content, contentType: type, to: id)
            }
        }

        private func files(of id: String, in stage: Stage, on client: FullSyncClient) async throws -> [String: Data] {
            let database = try await client.database(stage.database)
            var files: [String: Data] = [:]
            let document: JSONObject = try await database.get(id) ?? [:]
            for (name, _) in document["_attachments"]?.objectValue ?? [:] {
                files[name] = try await database.attachment(name, of: id)?.content
            }
            return files
        }

        @Test func `large and small ones come to other devices byte for byte`() async throws {
            let stage = try await Stage.make("attachments-sync")
            let user = stage.cast.first
            let one = try await device(stage, user)
            let two = try await device(stage, user, key: Data("a secret of 16 b".utf8))
            let sent = ["ü \"x\" /1.png": large, "long.txt": text, "small.png": Data([1, 2, 3]), "none.png": Data()]
            try await attach(sent, to: "a/ö", of: stage, on: one)
            #expect(try await one.sync(stage.database).result.pushed == 1)
            #expect(try await two.sync(stage.database).result.pulled == 1)
            #expect(try await files(of: "a/ö", in: stage, on: two) == sent)
            // An edit takes them along without sending them, and a branch has its own.
            let other = try await two.database(stage.database)
            try await other.post(["_id": "a/ö", "n": 1], policy: .merge)
            try await attach(["small.png": large], to: "a/ö", of: stage, on: one)
            _ = try await two.sync(stage.database).result
            _ = try await one.sync(stage.database).result
            _ = try await two.sync(stage.database).result
            #expect(try await files(of: "a/ö", in: stage, on: one) == files(of: "a/ö", in: stage, on: two))
            let (here, there): (JSONObject?, JSONObject?) = (
                try await one.database(stage.database).get("a/ö"), try await other.get("a/ö")
            )
            #expect(here == there)
        }

        @Test func `a large one leaves with its document and comes back with it`() async throws {
            let stage = try await Stage.make("attachments-rights")
            let group = uniqueID("group")
            let user = try await stage.administrator.makeUser("canary-pw", groups: [group])
            try await stage.put("shared", ["~groups": [.string(group)]], photo: large)
            let client = try await device(stage, user, password: "canary-pw")
            for (method, isMember) in [("PUT", true), ("DELETE", false), ("PUT", true)] {
                let member = "/_fullsync/groups/\(group)/members/\(user)"
                _ = try await stage.administrator.send(method, member)
                _ = try await client.sync(stage.database).result
                let files = try await files(of: "shared", in: stage, on: client)
                #expect(files == (isMember ? ["photo": large] : [:]))
            }
        }

        @Test func `a large one that the server refuses is told, and taken back to what the server has`() async throws {
            let stage = try await Stage.make("attachments-refused")
            let user = stage.cast.first
            try await stage.put("public", ["n": 1], photo: large)
            let client = try await device(stage, user)
            _ = try await client.sync(stage.database).result
            #expect(try await files(of: "public", in: stage, on: client) == ["photo": large])
            try await attach(["photo": text, "more.txt": large], to: "public", of: stage, on: client)
            #expect(try await client.sync(stage.database).result.refused == 1)
            let database = try await client.database(stage.database)
            let edit = try #require(try await database.refusedEdits().first)
            #expect(edit.error == "forbidden")
            #expect(try await client.takeBack(edit, in: stage.database))
            #expect(try await files(of: "public", in: stage, on: client) == ["photo": large])
        }
    }
}

extension Stage {
    /// Writes a document with a photo as the administrator.
    fileprivate func put(_ id: String, _ members: JSONObject, photo: Data) async throws {
        let revision = try await put(id, members)
        let answer = try await administrator.send(
            "PUT",
            "\(path)/\(id)/photo?rev=\(revision)",
            bytes: Array(photo),
            headers: [("content-type", "image/png")]
        )
        try #require(answer.status == 201, "\(answer.json)")
    }
}
