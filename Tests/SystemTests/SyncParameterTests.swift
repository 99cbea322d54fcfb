import Foundation
import FullSyncClient
import JSON
import TestSupport
import Testing

extension SystemTests {
    /// The parameters of syncs in the reference's words, and what of them goes over the wire.
    @Suite(.timeLimit(.minutes(30))) struct SyncParameterTests {
        /// A device with a database, and a network that shows its requests.
        private struct Scene {
            let stage: Stage
            let network: FaultyNetwork
            let client: FullSyncClient
            let database: FullSyncDatabase

            init() async throws {
                stage = try await Stage.make("parameters")
                let port = try #require(URLComponents(string: try await RunningSystem.shared.http)?.port)
                network = try FaultyNetwork(to: port, nil)
                client = try FullSyncClient(
                    server: network.http,
                    directory: URL(fileURLWithPath: TestDirectory.make("device")),
                    defaultDatabase: stage.database
                )
                let user = try await stage.administrator.makeUser("canary-pw")
                try await client.login(name: user, password: "canary-pw")
                database = try await client.database(stage.database)
            }

            /// How many requests with that in their first line have been made.
            func count(_ text: String) -> Int { network.requests.count { $0.contains(text) } }
        }

        @Test func `batch_size is how many changes go at once`() async throws {
            let scene = try await Scene()
            defer { scene.network.close() }
            for number in 0..<7 { try await scene.database.post(["_id": .string("d\(number)")]) }
            // From a form, numbers are texts.
            let parameters: JSONObject = ["batch_size": "2", "batches_limit": 1]
            #expect(try await scene.client.call("fs://.replicate_push", parameters)["pushed"] == 7)
            #expect(scene.count("/_revs_diff ") == 4 && scene.count("/_bulk_docs ") == 4)
            for number in 0..<9 { try await scene.stage.put("s\(number)") }
            #expect(try await scene.client.call("fs://.replicate_pull", ["batch_size": 4])["pulled"] == 9)
            #expect(scene.count("/_changes?") > 0)
            #expect(network(scene, "&limit=") == ["4"])
            for wrong: JSONValue in [-1, "many", [:]] {
                let refused = await #expect(throws: FullSyncError.self) {
                    try await scene.client.call("fs://.sync", ["batch_size": wrong])
                }
                #expect(refused?.status == 400)
            }
        }

        /// The values that a parameter had in requests.
        private func network(_ scene: Scene, _ name: String) -> Set<String> {
            Set(
                scene.network.requests.compactMap { line in
                    line.range(of: name).map { String(line[$0.upperBound...].prefix { $0.isNumber }) }
                }
            )
        }

        @Test(arguments: ["heartbeat", "timeout"]) func `a live pull waits as it is told, until it is cancelled`(
            name: String
        ) async throws {
            let scene = try await Scene()
            defer { scene.network.close() }
            let began = try await scene.client.call("fs://.sync", ["live": true, name: 7_000])
            #expect(began["ok"] == true)
            try await eventually("the live pull waits") { scene.count("feed=longpoll") > 0 }
            #expect(network(scene, "\(name)=") == ["7000"])
            try await scene.stage.put("a")
            try await eventually("it has come") { try await scene.database.get("a") != nil }
            #expect(try await scene.client.call("fs://.sync", ["cancel": true]) == ["ok": true])
            try await scene.stage.put("b")
            let next = try await scene.client.call("fs://.sync")
            #expect(next["pulled"] == 1, "nobody has brought it before")
        }

        @Test func `with retry false a live sync ends with its first failure, and else waits for the network`()
            async throws
        {
            let scene = try await Scene()
            defer { scene.network.close() }
            scene.network.close()
            let failure = await #expect(throws: FullSyncError.self) {
                try await scene.client.call("fs://.sync", ["live": true, "retry": false])
            }
            #expect(failure?.error == "unreachable")
            let told = scene.client.responses(to: "fs://.sync#waits")
            let call = Task { try await scene.client.call("fs://.sync#waits", ["live": true]) }
            for await answer in told where answer["status"] == "waiting" { break }
            call.cancel()
            await #expect(throws: (any Error).self) { try await call.value }
        }
    }
}
