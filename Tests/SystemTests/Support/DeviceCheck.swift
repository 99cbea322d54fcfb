import Foundation
import FullSyncClient
import JSON
import TestSupport
import Testing

/// What devices with `FullSyncClient` do with any server that is a CouchDB, this house's endpoint or CouchDB itself.
struct DeviceCheck: Sendable, CustomTestStringConvertible {
    let testDescription: String
    private let body: @Sendable (Scene) async throws -> Void

    private init(_ name: String, _ body: @escaping @Sendable (Scene) async throws -> Void) {
        (testDescription, self.body) = (name, body)
    }

    static let all = [transfer, conflict, deletion, live, filters, since]

    /// A database of one check on a server.
    struct Scene: Sendable {
        let base: String
        let administrator: String
        let password: String
        let name = uniqueID("devices")
        var server: Client { Client(base, .basic(name: administrator, password: password)) }

        func device() async throws -> (client: FullSyncClient, database: FullSyncDatabase) {
            let folder = URL(fileURLWithPath: TestDirectory.make("device"))
            let client = try FullSyncClient(server: base, directory: folder, defaultDatabase: name)
            try await client.login(name: administrator, password: password)
            return (client, try await client.database(name))
        }

        func get(_ path: String) async throws -> JSONValue { try await server.get("/\(name)/\(path)").json }

        @discardableResult
        func put(_ id: String, _ document: JSONValue) async throws -> String {
            let answer = try await server.send("PUT", "/\(name)/\(id)", document)
            return try #require(answer.json["rev"]?.stringValue, "\(answer.json)")
        }
    }

    /// Runs the check on a database that is made for it.
    func run(_ base: String, administrator: String, password: String) async throws {
        let scene = Scene(base: base, administrator: administrator, password: password)
        try #require(try await scene.server.send("PUT", "/\(scene.name)?q=1").status == 201)
        try await attempt {
            try await body(scene)
        } finally: {
            _ = try await scene.server.send("DELETE", "/\(scene.name)")
        }
    }

    // MARK: - The checks

    private static let transfer = DeviceCheck("documents and attachments go and come byte for byte") { scene in
        let (one, here) = try await scene.device()
        let (two, there) = try await scene.device()
        let files = [0, 20, 300_000, 5_000_000].map { size in
            Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) })
        }
        for number in 0..<250 { try await here.post(["_id": .string("d\(number)"), "n": .number(JSONNumber(number))]) }
        let numbers: JSONValue = [1.5, 0, -1, true, nil, "ü\u{1F600}", ["a": []]]
        try await here.post(["_id": "ü/ö ?", "values": numbers])
        for (place, file) in files.enumerated() {
            try await here.putAttachment("f \(place).bin", file, contentType: "image/png", to: "ü/ö ?")
        }
        #expect(try await one.sync(scene.name).result.pushed == 251)
        #expect(try await two.sync(scene.name).result.pulled == 251)
        #expect(try await there.get("ü/ö ?")?["values"] == numbers)
        #expect(try await there.get("ü/ö ?") == here.get("ü/ö ?"))
        for (place, file) in files.enumerated() {
            let attachment = try await there.attachment("f \(place).bin", of: "ü/ö ?")
            #expect(attachment?.content == file && attachment?.contentType == "image/png")
        }
        // An edit leaves the contents where they are, on both sides, and the checkpoints hold.
        try await there.post(["_id": "ü/ö ?", "n": 2], policy: .merge)
        #expect(try await two.sync(scene.name).result.pushed == 1)
        #expect(try await one.sync(scene.name).result.pulled == 1)
        #expect(try await here.attachment("f 3.bin", of: "ü/ö ?")?.content == files[3])
        #expect(try await one.sync(scene.name).result == two.sync(scene.name).result)
        #expect(try await one.sync(scene.name).result.pulled == 0)
    }

    private static let conflict = DeviceCheck("a conflict is the same everywhere, and is so resolved") { scene in
        try await scene.put("a", ["n": 0])
        let devices = [try await scene.device(), try await scene.device()]
        for (client, _) in devices { _ = try await client.sync(scene.name).result }
        for (place, (_, database)) in devices.enumerated() {
            try await database.post(["_id": "a", "n": .number(JSONNumber(place + 1))], policy: .merge)
        }
        for _ in 0..<2 { for (client, _) in devices { _ = try await client.sync(scene.name).result } }
        let winner = try await scene.get("a?conflicts=true")
        #expect(winner["_conflicts"]?.arrayValue?.count == 1)
        for (_, database) in devices {
            let conflict = try #require(try await database.conflicts().first)
            #expect(conflict.revisions.map { $0["_rev"] } == [winner["_rev"], winner["_conflicts"]?.arrayValue?.first])
        }
        let conflict = try #require(try await devices[0].database.conflicts().first)
        #expect(try await devices[0].database.resolve(conflict, .replace(["n": 12])))
        for (client, _) in devices { _ = try await client.sync(scene.name).result }
        for (_, database) in devices {
            #expect(try await database.conflicts().isEmpty)
            #expect(try await database.get("a")?["n"] == 12)
        }
        #expect(try await scene.get("a?conflicts=true")["_conflicts"] == nil)
    }

    private static let deletion = DeviceCheck("what is deleted on one side is deleted on the other") { scene in
        for id in ["a", "b", "c"] { try await scene.put(id, ["n": 1]) }
        let (client, database) = try await scene.device()
        #expect(try await client.sync(scene.name).result.pulled == 3)
        try await database.delete("a")
        let revision = try #require(try await scene.get("b")["_rev"]?.stringValue)
        _ = try await scene.server.send("DELETE", "/\(scene.name)/b?rev=\(revision)")
        #expect(try await client.sync(scene.name).result.pushed == 1)
        #expect(try await database.all().map(\.key) == ["c"])
        #expect(try await scene.get("a")["reason"] == "deleted")
        // And what comes back comes back.
        try await database.post(["_id": "b", "n": 2])
        try await scene.put("a", ["n": 2])
        _ = try await client.sync(scene.name).result
        #expect(try await scene.get("b")["n"] == 2)
        #expect(try await database.get("a")?["n"] == 2)
    }

    private static let live = DeviceCheck("a live sync brings what happens on either side") { scene in
        let (client, database) = try await scene.device()
        let sync = try await client.sync(scene.name, .live)
        for round in 0..<3 {
            let document: JSONValue = ["n": 1, "_attachments": ["x": ["data": "aGVsbG8="]]]
            try await scene.put("server\(round)", document)
            try await database.post(["_id": .string("device\(round)")])
            try await eventually("both are on both sides") {
                let here = try await database.attachment("x", of: "server\(round)")?.content
                let there = try await scene.get("device\(round)")["_rev"]
                return here == Data("hello".utf8) && there != nil
            }
        }
        sync.cancel()
        await #expect(throws: (any Error).self) { try await sync.result }
        let end = try await client.sync(scene.name).result
        #expect(end == SyncResult())
    }

    private static let filters = DeviceCheck("a sync of some documents brings those") { scene in
        let map: JSONValue = "function (doc, req) { return doc.type === req.query.type; }"
        try await scene.put("_design/f", ["filters": ["type": map]])
        for number in 0..<6 { try await scene.put("d\(number)", ["type": .string(number % 2 == 0 ? "even" : "odd")]) }
        let parameters: [JSONObject] = [
            ["doc_ids": ["d1", "d3", "d5"]], ["selector": ["type": "odd"]],
            ["filter": "f/type", "query_params": ["type": "odd"]],
        ]
        for parameters in parameters {
            let (client, database) = try await scene.device()
            #expect(try await client.call("fs://.sync", parameters)["pulled"] == 3, "\(parameters)")
            #expect(try await database.all().map(\.key) == ["d1", "d3", "d5"], "\(parameters)")
        }
    }

    private static let since = DeviceCheck("a pull begins behind the place that it is told") { scene in
        try await scene.put("before", ["n": 1])
        let place = try #require(try await scene.get("_changes")["last_seq"])
        try await scene.put("behind", ["n": 1])
        let (client, database) = try await scene.device()
        #expect(try await client.call("fs://.replicate_pull", ["since": place])["pulled"] == 1)
        #expect(try await database.all().map(\.key) == ["behind"])
        #expect(try await client.call("fs://.sync")["pulled"] == 0)
        try await scene.put("later", ["n": 1])
        #expect(try await client.call("fs://.sync")["pulled"] == 1)
        // And again from the start.
        #expect(try await client.call("fs://.sync", ["since": 0])["pulled"] == 1)
        #expect(try await database.all().map(\.key) == ["before", "behind", "later"])
    }
}
