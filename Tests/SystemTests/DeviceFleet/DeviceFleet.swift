import Foundation
import FullSyncClient
import JSON
import TestSupport
import Testing

/// Devices of several users with one database, an administrator who gives and takes, and a network between them.
final class DeviceFleet {
    let stage: Stage
    let groups: [String]
    let users: [String]
    let devices: [DeviceProcess.Identity]
    /// The documents that all of them edit, and the administrator gives and takes.
    let ids = (0..<20).map { "d\($0)" }
    /// The attachments that there are, by their names.
    let files: [String: Data]
    /// Where these are as files.
    let folder: String
    let network: FaultyNetwork
    private(set) var logs: [Voyage.Log] = []
    /// The revisions that the administrator made.
    private(set) var published: Set<String> = []
    var random: SeededGenerator

    /// How often each device lives; more find more.
    static let rounds = ProcessInfo.processInfo.environment["FULLSYNC_TEST_FLEET_ROUNDS"].flatMap { Int($0) } ?? 3

    init(_ random: SeededGenerator) async throws {
        var random = random
        let system = try await RunningSystem.shared
        let stage = try await Stage.make("fleet")
        let groups = (0..<2).map { _ in uniqueID("group") }
        var users: [String] = []
        for place in 0..<3 {
            users.append(try await stage.administrator.makeUser("canary-pw", groups: [groups[place % 2]]))
        }
        let folder = TestDirectory.make("fleet")
        devices = (0..<5).map { [users] place in
            DeviceProcess.Identity(
                user: users[place % users.count],
                database: stage.database,
                folder: "\(folder)/\(place)",
                key: place == 0 ? "a key of the fleet's first device" : nil
            )
        }
        // The last two are more than what goes along with a document.
        files = [20, 3_000, 270_000, 530_000].enumerated().reduce(into: [:]) { files, next in
            files["f\(next.offset)"] = Data((0..<next.element).map { _ in UInt8.random(in: 0...255, using: &random) })
        }
        for (name, content) in files { try content.write(to: URL(fileURLWithPath: "\(folder)/\(name)")) }
        let port = try #require(URLComponents(string: system.http)?.port)
        network = try FaultyNetwork(to: port, SeededGenerator(seed: random.next()))
        (self.stage, self.users, self.groups, self.folder, self.random) = (stage, users, groups, folder, random)
        do {
            for id in ids.prefix(12) { try await publish(id) }
        } catch {
            network.close()
            throw error
        }
    }

    /// Lets each device live once, while the administrator gives and takes.
    func round() async throws {
        let voyages = try devices.indices.map { try voyage($0) }
        let http = network.http
        try await withThrowingTaskGroup(of: Voyage.Log.self) { group in
            for voyage in voyages { group.addTask { try await voyage.run(http) } }
            for _ in 0..<15 { try await govern() }
            for try await log in group { logs.append(log) }
        }
    }

    // MARK: - The administrator

    /// Writes a document of the administrator's, whose tags are drawn.
    private func publish(_ id: String) async throws {
        var document = tagged(["n": .number(JSONNumber(Int.random(in: 0..<1_000, using: &random)))])
        for name in files.keys.sorted() where Int.random(in: 0..<4, using: &random) == 0 {
            let data = files[name]?.base64EncodedString() ?? ""
            document["_attachments"] = .object(
                (document["_attachments"]?.objectValue ?? [:]).merging([
                    name: ["data": .string(data), "content_type": "application/octet-stream"]
                ])
            )
        }
        try await put(id, document)
    }

    private func put(_ id: String, _ document: JSONObject) async throws {
        // Somebody else may have been faster.
        let answer = try await stage.administrator.send("PUT", "\(stage.path)/\(id)", .object(document))
        if let revision = answer.json["rev"]?.stringValue { published.insert(revision) }
    }

    private func tagged(_ document: JSONObject) -> JSONObject {
        var document = document
        (document["~owner"], document["~groups"]) = (nil, nil)
        if Int.random(in: 0..<3, using: &random) == 0 {
            document["~owner"] = .string(users.randomElement(using: &random) ?? "")
        }
        if Int.random(in: 0..<4, using: &random) > 0 {
            document["~groups"] = [.string(groups.randomElement(using: &random) ?? "")]
        }
        return document
    }

    private func govern() async throws {
        let id = ids.randomElement(using: &random) ?? ""
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1: try await changeGroup()
        case 2: try await publish(id)
        case 3, 4:
            guard let document = try await present(id) else { return }
            try await put(id, tagged(document))
        default:
            guard let revision = try await present(id)?["_rev"]?.stringValue else { return }
            _ = try await stage.administrator.send("DELETE", "\(stage.path)/\(id)?rev=\(revision)")
        }
    }

    private func present(_ id: String) async throws -> JSONObject? {
        let answer = try await stage.administrator.get("\(stage.path)/\(id)")
        return answer.status == 200 ? answer.json.objectValue : nil
    }

    private func changeGroup() async throws {
        let (user, group) = (users.randomElement(using: &random) ?? "", groups.randomElement(using: &random) ?? "")
        let method = Bool.random(using: &random) ? "PUT" : "DELETE"
        let path = "/_fullsync/groups/\(group)/members/\(user)"
        // Who is no member cannot leave.
        let status = try await stage.administrator.send(method, path).status
        #expect(status < 300 || method == "DELETE" && status == 404)
    }

    // MARK: - The end

    /// Opens all devices once more, over a network that works, and syncs them until nothing moves.
    ///
    /// One of them resolves conflicts.
    func settle() async throws -> [FullSyncDatabase] {
        var clients: [FullSyncClient] = []
        for (place, device) in devices.enumerated() {
            let client = try FullSyncClient(
                server: try await RunningSystem.shared.http,
                directory: URL(fileURLWithPath: device.folder),
                encryptionKey: device.key.map { Data($0.utf8) },
                resolver: place == 1 ? .merge : nil
            )
            try await client.login(name: device.user, password: "canary-pw")
            clients.append(client)
        }
        for _ in 0..<20 {
            var moved = 0
            for client in clients {
                let result = try await client.sync(stage.database).result
                moved += result.pulled + result.pushed
                #expect(result.failed == 0)
            }
            guard moved > 0 else {
                var databases: [FullSyncDatabase] = []
                for client in clients { databases.append(try await client.database(stage.database)) }
                return databases
            }
        }
        Issue.record("the devices do not come to rest")
        return []
    }
}
