import CouchProtocol
import Foundation
import FullSyncClient
import JSON
import TestSupport
import Testing

extension SystemTests {
    /// Many devices of several users, at random.
    ///
    /// There are edits, rights that come and go, syncs that are cut off, applications that are killed. In the end each
    /// device has what its user may read, and no edit is lost.
    @Suite(.timeLimit(.minutes(30))) struct DeviceFleetTests {
        /// A device, and the edits that it has made.
        private final class Fleet {
            let stage: Stage
            let http: String
            let groups: [String]
            let users: [String]
            var devices: [FullSyncClient] = []
            /// Of each edit the device, the document and the revision.
            var edits: [(device: Int, id: String, revision: String)] = []
            var random: SeededGenerator

            var database: String { String(stage.path.dropFirst()) }

            init(seed: UInt64) async throws {
                random = SeededGenerator(seed: seed)
                stage = try await Stage.make("fleet")
                http = try await RunningSystem.shared.http
                groups = (0..<2).map { _ in uniqueID("group") }
                var users: [String] = []
                for place in 0..<3 {
                    users.append(try await stage.administrator.makeUser("canary-pw", groups: [groups[place % 2]]))
                }
                self.users = users
                for place in 0..<5 { devices.append(try await device(place)) }
            }

            func folder(_ place: Int) -> URL {
                URL(fileURLWithPath: TestDirectory.make("fleet")).appendingPathComponent("\(place)")
            }

            private func device(_ place: Int) async throws -> FullSyncClient {
                try await open(place, in: folder(place))
            }

            var folders: [Int: URL] = [:]

            /// Opens a device, as the application does when it begins.
            func open(_ place: Int, in folder: URL) async throws -> FullSyncClient {
                folders[place] = folder
                let key = place == 0 ? Data(repeating: 7, count: 32) : nil
                let client = try FullSyncClient(
                    server: http,
                    directory: folder,
                    defaultDatabase: database,
                    encryptionKey: key,
                    resolver: place == 1 ? .merge : nil
                )
                try await client.login(name: users[place % users.count], password: "canary-pw")
                return client
            }

            func step() async throws {
                let place = Int.random(in: 0..<devices.count, using: &random)
                switch Int.random(in: 0..<12, using: &random) {
                case 0..<6: try await edit(place)
                case 6, 7: _ = try await devices[place].sync(database).result
                case 8:
                    let sync = try await devices[place].sync(database)
                    if Bool.random(using: &random) { await Task.yield() }
                    sync.cancel()
                case 9:
                    // Killed: nothing is closed, and another process opens the same files.
                    devices[place].suspend()
                    await devices[place].stop(database)
                    devices[place] = try await open(place, in: try #require(folders[place]))
                case 10: try await changeGroup()
                default: try await retag()
                }
            }

            private func edit(_ place: Int) async throws {
                let local = try await devices[place].database(database)
                let known = try await local.all().map(\.key)
                let id = known.randomElement(using: &random) ?? "d0"
                let number = Int.random(in: 0..<1_000, using: &random)
                let receipt: FullSyncDatabase.Receipt?
                switch Int.random(in: 0..<5, using: &random) {
                case 0 where !known.isEmpty: receipt = try await local.delete(id)
                case 1...2 where !known.isEmpty:
                    receipt = try await local.post(
                        ["_id": .string(id), "n": .number(JSONNumber(number))],
                        policy: .merge
                    )
                default:
                    let new = "d\(Int.random(in: 0..<60, using: &random))-\(place)"
                    var document: JSONObject = ["_id": .string(new), "n": .number(JSONNumber(number))]
                    if Bool.random(using: &random) {
                        document["~groups"] = [.string(groups.randomElement(using: &random) ?? "")]
                    }
                    receipt = try? await local.post(document, policy: .override)
                }
                guard let receipt else { return }
                edits.append((place, receipt.id, receipt.revision))
            }

            private func changeGroup() async throws {
                let (user, group) = (
                    users.randomElement(using: &random) ?? "", groups.randomElement(using: &random) ?? ""
                )
                let method = Bool.random(using: &random) ? "PUT" : "DELETE"
                let path = "/_fullsync/groups/\(group)/members/\(user)"
                // Who is no member cannot leave.
                let status = try await stage.administrator.send(method, path).status
                #expect(status < 300 || method == "DELETE" && status == 404)
            }

            /// The administrator gives a document to somebody else, or to everybody.
            private func retag() async throws {
                let rows = try await stage.administrator.get("\(stage.path)/_all_docs?include_docs=true").json["rows"]
                guard var document = rows?.arrayValue?.randomElement(using: &random)?["doc"]?.objectValue,
                    let id = document["_id"]?.stringValue
                else { return }
                document["~owner"] =
                    Bool.random(using: &random) ? .string(users.randomElement(using: &random) ?? "") : nil
                document["~groups"] = [.string(groups.randomElement(using: &random) ?? "")]
                // Somebody else may have been faster.
                _ = try await stage.administrator.send("PUT", "\(stage.path)/\(id)", .object(document))
            }

            /// Syncs all devices until nothing moves any more.
            func settle() async throws {
                for _ in 0..<20 {
                    var moved = 0
                    for device in devices {
                        let result = try await device.sync(database).result
                        moved += result.pulled + result.pushed
                    }
                    if moved == 0 { return }
                }
                Issue.record("the devices do not come to rest")
            }
        }

        @Test(arguments: [1, 2] as [UInt64]) func `each device has what its user may read, and no edit is lost`(
            seed: UInt64
        ) async throws {
            let fleet = try await Fleet(seed: seed)
            for _ in 0..<150 { try await fleet.step() }
            try await fleet.settle()
            for (place, device) in fleet.devices.enumerated() {
                try await compare(device, of: fleet.users[place % fleet.users.count], in: fleet)
            }
            try await expectNoLoss(fleet)
        }

        /// The device's documents are those of the server that the user may read, but for edits that were refused.
        private func compare(_ device: FullSyncClient, of user: String, in fleet: Fleet) async throws {
            let reader = try await Client(fleet.http).login(user, "canary-pw")
            let rows = try await reader.get("\(fleet.stage.path)/_all_docs").json["rows"]?.arrayValue ?? []
            let local = try await device.database(fleet.database)
            let refused = Set(try await local.refusedEdits().map(\.id))
            let expected = rows.compactMap { row -> String? in
                guard let id = row["id"]?.stringValue, !refused.contains(id) else { return nil }
                return "\(id) \(row["value"]?["rev"]?.stringValue ?? "")"
            }
            let found = try await local.all().filter { !refused.contains($0.key) }
                .map { "\($0.key) \($0.revision ?? "")" }
            #expect(found == expected, "\(user)")
            let readable = Set(rows.compactMap { $0["id"]?.stringValue })
            for id in refused.subtracting(readable) { try await expectNothingLost(id, in: local, of: user, fleet) }
        }

        /// A refused edit of what its user may not read holds nothing that was taken from the user: it is of a document
        /// that the device made, or made anew after it was gone.
        private func expectNothingLost(
            _ id: String,
            in local: FullSyncDatabase,
            of user: String,
            _ fleet: Fleet
        ) async throws {
            var options = GetOptions()
            options.includesHistory = true
            let history = try await local.get(id, options)?["_revisions"]
            guard let history, let start = history["start"]?.intValue else { return }
            let revisions = (history["ids"]?.arrayValue ?? []).enumerated().map { place, hash in
                "\(start - place)-\(hash.stringValue ?? "")"
            }
            let asked: JSONValue = [id: .array(revisions.map { .string($0) })]
            let administrator = fleet.stage.administrator
            let answer = try await administrator.send("POST", "\(fleet.stage.path)/_revs_diff", asked)
            let missing = Set(answer.json[id]?["missing"]?.arrayValue?.compactMap(\.stringValue) ?? [])
            guard let place = revisions.firstIndex(where: { !missing.contains($0) }) else { return }
            let tombstone = Revocation.tombstone(of: try RevisionID(parsing: revisions[place])).description
            guard !revisions[..<place].contains(tombstone) else { return }
            let known = try await administrator.get("\(fleet.stage.path)/\(id)?rev=\(revisions[place])")
            #expect(known.status != 200 || known.json["_deleted"] == true, "\(user) holds \(id)")
        }

        /// The server knows each edit, or the device tells what became of it.
        private func expectNoLoss(_ fleet: Fleet) async throws {
            var asked: JSONObject = [:]
            for (_, id, revision) in fleet.edits {
                asked[id] = .array((asked[id]?.arrayValue ?? []) + [.string(revision)])
            }
            let answer = try await fleet.stage.administrator.send(
                "POST",
                "\(fleet.stage.path)/_revs_diff",
                .object(asked)
            )
            var missing: Set<String> = []
            for (id, difference) in answer.json.objectValue ?? [:] {
                for revision in difference["missing"]?.arrayValue ?? [] {
                    missing.insert("\(id) \(revision.stringValue ?? "")")
                }
            }
            for (place, id, revision) in fleet.edits where missing.contains("\(id) \(revision)") {
                let local = try await fleet.devices[place].database(fleet.database)
                let refused = try await local.refusedEdits().contains { $0.id == id }
                let kept = try await local.keptEdits().contains { $0.documentID == id }
                // An edit that another one of the same device followed before it was refused or kept is part of that.
                #expect(refused || kept, "\(id) \(revision) of device \(place)")
            }
        }
    }
}
