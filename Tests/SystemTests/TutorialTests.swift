import Foundation
import FullSyncClient
import JSON
import TestSupport
import Testing

extension SystemTests {
    /// The code of the tutorial and of the README's first application, as it stands there.
    @Suite(.timeLimit(.minutes(30))) struct TutorialTests {
        @Test func `the tutorial's code does what it says`() async throws {
            let stage = try await Stage.make("tutorial")
            let server = try await RunningSystem.shared.http
            let name = try await stage.administrator.makeUser("canary-pw")
            let (password, database) = ("canary-pw", String(stage.path.dropFirst()))
            let directory = URL(fileURLWithPath: TestDirectory.make("tutorial"))
            var shown: [ViewResult.Row] = []
            func show(_ rows: [ViewResult.Row]) { shown = rows }

            let client = try FullSyncClient(server: server, directory: directory)
            try await client.login(name: name, password: password)
            let notes = try await client.database(database)
            let sync = try await client.sync(database, .live)

            try await notes.post(["_id": "milk", "type": "note", "text": "Buy milk"])
            try await notes.post(["_id": "milk", "done": true], policy: .merge)
            let note = try await notes.get("milk")
            #expect(note?["done"] == true)

            struct Note: Codable {
                var type = "note"
                var text: String
            }
            try await notes.post(encoding: Note(text: "Call Ada"), id: "ada")
            let call = try await notes.get("ada", as: Note.self)
            #expect(call?.text == "Call Ada")

            let map = "function (doc) { if (doc.type === 'note') emit(doc.text, null) }"
            try await notes.post(["_id": "_design/app", "views": ["notes": ["map": .string(map)]]], policy: .override)
            let rows = try await notes.view("app", "notes").rows
            #expect(rows.map(\.id) == ["milk", "ada"])

            try await notes.createIndex(["type", "text"])
            let found = try await notes.find(["selector": ["type": "note"], "sort": ["type", "text"]])
            #expect(found.documents.count == 2)

            for try await result in notes.liveView("app", "notes") {
                show(result.rows)
                if result.rows.count == 2 { break }
            }
            #expect(shown.count == 2)

            let (presented, continuation) = AsyncStream.makeStream(of: JSONValue.self)
            @MainActor func present(_ note: JSONValue) { continuation.yield(note["text"] ?? .null) }
            @MainActor func present(_ error: FullSyncError) { continuation.yield(.string(error.error)) }
            client.request("fs://\(database).get", ["docid": "milk"])
                .onResponse { note in present(note) }
                .onFailure { error in present(error) }
            for await text in presented {
                #expect(text == "Buy milk")
                break
            }
            sync.cancel()
            try await client.close()
        }

        @Test(arguments: ["README.md", "Shared/FullSyncClient/FullSyncClient.docc/Tutorial.md"])
        func `every line of Swift in the pages is in a test`(page: String) throws {
            let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
            let text = try String(contentsOf: root.appendingPathComponent(page), encoding: .utf8)
            let tests = try String(contentsOf: URL(fileURLWithPath: #filePath), encoding: .utf8)
                .split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            let blocks = text.components(separatedBy: "```swift\n").dropFirst()
            #expect(!blocks.isEmpty)
            for block in blocks {
                for line in (block.components(separatedBy: "```").first ?? "").split(separator: "\n") {
                    let code = line.trimmingCharacters(in: .whitespaces)
                    #expect(tests.contains(code), "\(page): \(code)")
                }
            }
        }

        @Test func `the README's first application runs`() async throws {
            let stage = try await Stage.make("readme")
            let server = try await RunningSystem.shared.http
            let name = try await stage.administrator.makeUser("canary-pw")
            let (password, orders) = ("canary-pw", String(stage.path.dropFirst()))
            let folder = URL(fileURLWithPath: TestDirectory.make("readme"))

            let client = try FullSyncClient(server: server, directory: folder)
            try await client.login(name: name, password: password)
            let database = try await client.database(orders)
            let sync = try await client.sync(orders, .live)
            try await database.createIndex(["type", "due"])
            try await database.post(["type": "order", "due": "2027-01-31", "text": "Boiler: needs its yearly check"])
            let open: JSONObject = ["selector": ["type": "order", "due": ["$gt": "2027"]], "sort": ["type", "due"]]
            for try await result in database.liveFind(open) {
                for order in result.documents { print(order["due"]?.text ?? "", order["text"]?.text ?? "") }
                if !result.documents.isEmpty { break }
            }
            // What the page has no room for.
            try await client.call("fs://\(orders).post", ["_id": "a", "address.street": "High Street"])
            #expect(try await database.get("a")?["address"] == ["street": "High Street"])

            try await eventually("the order is on the server") {
                try await stage.administrator.get("\(stage.path)/_all_docs").json["rows"]?.arrayValue?.count == 2
            }
            sync.cancel()
            try await client.close()
        }
    }
}
