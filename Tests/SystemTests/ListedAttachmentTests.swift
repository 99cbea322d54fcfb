import CouchProtocol
import JSON
import Testing

extension SystemTests {
    /// Lists and feeds that bring attachments along.
    @Suite(.timeLimit(.minutes(30))) struct ListedAttachmentTests {
        @Test func `lists and feeds describe attachments, and bring their contents when asked`() async throws {
            let system = try await RunningSystem.shared
            try await system.withDatabase { database in
                let client = system.administrator
                // Longer than what is sent at once, and no multiple of three.
                let large = (0..<300_001).map { UInt8(truncatingIfNeeded: $0 / 5) }
                let small = Array("small".utf8)
                let docs: JSONValue = [
                    "docs": [
                        ["_id": "a", "_attachments": ["s": ["data": .string(Base64.encode(small))]]], ["_id": "b"],
                        [
                            "_id": "c",
                            "_attachments": [
                                "l": ["data": .string(Base64.encode(large))],
                                "s": ["data": .string(Base64.encode(small))],
                            ],
                        ],
                    ]
                ]
                #expect(try await client.send("POST", "\(database)/_bulk_docs", docs).status == 201)
                for path in [
                    "_all_docs?include_docs=true", "_changes?include_docs=true", "_changes?include_docs=true&limit=2",
                ] {
                    let rows = try await rows(client, "\(database)/\(path)")
                    #expect(rows["a"]?["_attachments"]?["s"]?["stub"] == true, "\(path)")
                    #expect(rows["b"]?["_attachments"] == nil)
                    let whole = try await self.rows(
                        client,
                        "\(database)/\(path)&attachments=true&att_encoding_info=true"
                    )
                    for (id, name, content) in [("a", "s", small), ("c", "l", large), ("c", "s", small)] {
                        guard let document = whole[id] else { continue }
                        let data = document["_attachments"]?[name]?["data"]?.stringValue
                        #expect(data.flatMap { Base64.decode($0.utf8) } == content, "\(path) \(id) \(name)")
                    }
                    #expect(whole.keys == rows.keys)
                }
                let keys = try await client.send(
                    "POST",
                    "\(database)/_all_docs?include_docs=true&attachments=true",
                    ["keys": ["c"]]
                )
                let document = keys.json["rows"]?.arrayValue?.first?["doc"]
                #expect(document?["_attachments"]?["l"]?["data"]?.stringValue == Base64.encode(large))
            }
        }

        /// The documents of a list or a feed by their ids.
        private func rows(_ client: Client, _ path: String) async throws -> [String: JSONValue] {
            let answer = try await client.get(path).json
            let rows = answer["rows"]?.arrayValue ?? answer["results"]?.arrayValue ?? []
            try #require(!rows.isEmpty, "\(path): \(answer)")
            var documents: [String: JSONValue] = [:]
            for row in rows {
                if let id = row["id"]?.stringValue, let document = row["doc"] { documents[id] = document }
            }
            return documents
        }

        @Test func `a copy has the attachments of its original`() async throws {
            let system = try await RunningSystem.shared
            try await system.withDatabase { database in
                let client = system.administrator
                let put = try await client.send("PUT", "\(database)/a/x", bytes: Array("content".utf8))
                #expect(put.status == 201)
                let copy = try await client.send("COPY", "\(database)/a", bytes: nil, headers: [("Destination", "b")])
                #expect(copy.status == 201, "\(copy.json)")
                #expect(try await client.get("\(database)/b/x").bytes == Array("content".utf8))
                // What was deleted takes its attachments with it, and its last revision still has them.
                let revision = try #require(copy.json["rev"]?.stringValue)
                #expect(try await client.send("DELETE", "\(database)/b?rev=\(revision)").status == 200)
                #expect(try await client.get("\(database)/b/x").reason == "deleted")
                #expect(try await client.get("\(database)/b/x?rev=\(revision)").bytes == Array("content".utf8))
            }
        }
    }
}
