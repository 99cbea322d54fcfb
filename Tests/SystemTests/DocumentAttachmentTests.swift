import CouchProtocol
import JSON
import Testing

extension SystemTests {
    /// Documents with their attachments in all forms in which CouchDB's clients send and ask for them.
    @Suite(.timeLimit(.minutes(30))) struct DocumentAttachmentTests {
        /// A body as CouchDB's own tests have it (`attachments_multipart_test.exs`).
        private func body(
            _ document: JSONValue,
            _ contents: [String],
            boundary: String = "abc123"
        )
            -> [UInt8]
        {
            var text = "--\(boundary)\r\ncontent-type: application/json\r\n\r\n\(document.text)"
            for content in contents { text += "\r\n--\(boundary)\r\n\r\n\(content)" }
            return Array("\(text)\r\n--\(boundary)--epilogue".utf8)
        }

        private func follows(_ length: Int, _ type: String = "application/test") -> JSONValue {
            ["follows": true, "content_type": .string(type), "length": .number(JSONNumber(length))]
        }

        private func parts(_ client: Client, _ path: String, _ accept: String) async throws -> Parts {
            let answer = try await client.send("GET", path, bytes: nil, headers: [("Accept", accept)])
            try #require(answer.status == 200, "\(answer.json)")
            return try Parts(answer)
        }

        @Test(arguments: ["\"abc123\"", "abc123"], [false, true])
        func `a document is put with what follows it and got back so`(
            _ boundary: String,
            chunked: Bool
        )
            async throws
        {
            let system = try await RunningSystem.shared
            try await system.withDatabase { database in
                let client = system.administrator
                let document: JSONValue = [
                    "body": "This is a body.",
                    "_attachments": [
                        "foo.txt": follows(21), "bar.txt": follows(20), "in.txt": ["data": "aGVsbG8="],
                    ],
                ]
                let put = try await client.send(
                    "PUT",
                    "\(database)/d",
                    bytes: body(document, ["this is 21 chars long", "this is 20 chars lon"]),
                    headers: [("Content-Type", "multipart/related;boundary=\(boundary)")],
                    chunked: chunked
                )
                #expect(put.status == 201, "\(put.json)")
                let first = try #require(put.json["rev"]?.stringValue)
                for (name, text) in [
                    ("foo.txt", "this is 21 chars long"), ("bar.txt", "this is 20 chars lon"),
                    ("in.txt", "hello"),
                ] {
                    #expect(
                        String(decoding: try await client.get("\(database)/d/\(name)").bytes, as: UTF8.self)
                            == text
                    )
                }
                let update: JSONValue = [
                    "_rev": .string(first),
                    "_attachments": [
                        "foo.txt": ["stub": true, "content_type": "x/y"], "bar.txt": follows(18),
                    ],
                ]
                let updated = try await client.send(
                    "PUT",
                    "\(database)/d",
                    bytes: body(update, ["this is 18 chars l"]),
                    headers: [("Content-Type", "multipart/related;boundary=\(boundary)")],
                    chunked: chunked
                )
                #expect(updated.status == 201, "\(updated.json)")
                #expect(try await client.get("\(database)/d/in.txt").status == 404)
                let whole = try await client.send(
                    "GET",
                    "\(database)/d?attachments=true",
                    bytes: nil,
                    headers: [("Accept", "multipart/related,*/*")]
                )
                #expect(whole.header("Content-Length") == String(whole.bytes.count))
                let parts = try Parts(whole)
                #expect(parts.documents[0]["_attachments"]?["foo.txt"]?["follows"] == true)
                #expect(parts.documents[0]["_attachments"]?["foo.txt"]?["revpos"] == 1)
                #expect(parts.documents[0]["_attachments"]?["bar.txt"]?["revpos"] == 2)
                #expect(parts.headers.dropFirst().map(\.fileName) == ["foo.txt", "bar.txt"])
                #expect(parts.headers.dropFirst().map { $0["content-length"] } == ["21", "18"])
                #expect(parts.contents[1] == Array("this is 21 chars long".utf8))
                #expect(parts.contents[2] == Array("this is 18 chars l".utf8))
            }
        }

        @Test func `what the reader has is not sent again, in any form`() async throws {
            let system = try await RunningSystem.shared
            try await system.withDatabase { database in
                let client = system.administrator
                let old: JSONValue = ["old": ["data": "b2xk"]]
                let first = try await client.send("PUT", "\(database)/d", ["_attachments": old]).json["rev"]
                let stub: JSONValue = ["old": ["stub": true], "new": ["data": "bmV3"]]
                let second = try await client.send(
                    "PUT",
                    "\(database)/d",
                    ["_rev": first ?? "", "_attachments": stub]
                ).json["rev"]
                let revision = try (#require(first?.stringValue), #require(second?.stringValue))
                let since = segment("[\"1-2897589\",\"\(revision.0)\"]")
                let related = try await parts(
                    client,
                    "\(database)/d?atts_since=\(since)",
                    "multipart/related"
                )
                #expect(related.contents.count == 2)
                #expect(related.documents[0]["_attachments"]?["old"]?["stub"] == true)
                #expect(related.documents[0]["_attachments"]?["new"]?["follows"] == true)
                #expect(related.contents[1] == Array("new".utf8))
                let open = "open_revs=\(segment("[\"\(revision.1)\",\"9-ab\"]"))&atts_since=\(since)"
                let mixed = try await parts(client, "\(database)/d?\(open)", "multipart/mixed")
                #expect(mixed.headers[1].contentType?.parameters["error"] == "true")
                #expect(mixed.documents[1] == ["missing": "9-ab"])
                let inner = try Parts(within: 0, of: mixed)
                #expect(inner.documents[0]["_attachments"]?["old"]?["stub"] == true)
                #expect(inner.contents[1] == Array("new".utf8))
                let list = try await client.send(
                    "GET",
                    "\(database)/d?\(open)",
                    bytes: nil,
                    headers: [("Accept", "application/json")]
                ).json
                #expect(list.arrayValue?.first?["ok"]?["_attachments"]?["new"]?["data"] == "bmV3")
                #expect(list.arrayValue?.first?["ok"]?["_attachments"]?["old"]?["stub"] == true)
                let asked: JSONValue = [
                    "docs": [["id": "d", "rev": .string(revision.1), "atts_since": [.string(revision.0)]]]
                ]
                let bulk = try await client.send("POST", "\(database)/_bulk_get", asked).json
                let got = bulk["results"]?.arrayValue?.first?["docs"]?.arrayValue?.first?["ok"]?[
                    "_attachments"
                ]
                #expect(got?["new"]?["data"] == "bmV3")
                #expect(got?["old"]?["stub"] == true)
            }
        }

        @Test func `many revisions are got as parts by those who take no JSON`() async throws {
            let system = try await RunningSystem.shared
            try await system.withDatabase { database in
                let client = system.administrator
                let docs: JSONValue = [
                    "docs": [
                        ["_id": "a", "_attachments": ["x": ["data": "eA=="], "y": ["data": ""]]], ["_id": "b"],
                        ["_id": "c", "_attachments": ["_no": ["data": ""]]],
                    ]
                ]
                #expect(try await client.send("POST", "\(database)/_bulk_docs", docs).status == 400)
                let good: JSONValue = ["docs": .array(Array((docs["docs"]?.arrayValue ?? []).prefix(2)))]
                #expect(try await client.send("POST", "\(database)/_bulk_docs", good).status == 201)
                let asked: JSONValue = [
                    "docs": [["id": "a"], ["id": "b"], ["id": "none"], ["id": "a", "rev": "odd"]]
                ]
                for type in ["multipart/mixed", "multipart/related"] {
                    let answer = try await client.send(
                        "POST",
                        "\(database)/_bulk_get",
                        bytes: asked.bytes,
                        headers: [("Content-Type", "application/json"), ("Accept", type)]
                    )
                    #expect(answer.header("Content-Type")?.hasPrefix(type) == true)
                    let parts = try Parts(answer)
                    #expect(parts.headers.map { $0["x-doc-id"] } == ["a", nil, nil, nil])
                    let inner = try Parts(within: 0, of: parts)
                    #expect(inner.contents.dropFirst() == [[UInt8(ascii: "x")], []])
                    #expect(parts.headers[0]["x-rev-id"] == inner.documents[0]["_rev"]?.stringValue)
                    #expect(parts.documents[1]["_id"] == "b")
                    #expect(parts.documents.dropFirst(2).map { $0["error"] } == ["not_found", "bad_request"])
                }
                let json = try await client.send("POST", "\(database)/_bulk_get?attachments=true", asked)
                    .json
                let first = json["results"]?.arrayValue?.first?["docs"]?.arrayValue?.first?["ok"]
                #expect(first?["_attachments"]?["x"]?["data"] == "eA==")
                #expect(first?["_attachments"]?["y"]?["data"] == "")
            }
        }

        @Test func `what is wrong with an attachment is said, and nothing is written`() async throws {
            let system = try await RunningSystem.shared
            try await system.withDatabase { database in
                let client = system.administrator
                for (attachment, status, error) in [
                    (["stub": true], 412, "missing_stub"), (["data": "!no base64$"], 400, "bad_request"),
                    ([:], 400, "bad_request"), (["follows": true], 400, "bad_request"),
                    ("x", 400, "bad_request"),
                ] as [(JSONValue, Int, String)] {
                    let answer = try await client.send(
                        "PUT",
                        "\(database)/d",
                        ["_attachments": ["a": attachment]]
                    )
                    #expect(answer.status == status, "\(attachment): \(answer.json)")
                    #expect(answer.error == error)
                }
                let wrong: [(JSONValue, [String], String)] = [
                    (follows(5), ["longer than that"], "bad_request"), (follows(5), ["abc"], "bad_request"),
                    (follows(5), [], "bad_request"),
                    (["follows": true, "length": 3, "digest": "md5-AAAA"], ["abc"], "content_md5_mismatch"),
                ]
                for (attachment, contents, error) in wrong {
                    let answer = try await client.send(
                        "PUT",
                        "\(database)/d",
                        bytes: body(["_attachments": ["a": attachment]], contents),
                        headers: [("Content-Type", "multipart/related; boundary=abc123")]
                    )
                    #expect(answer.status == 400, "\(attachment) \(contents): \(answer.json)")
                    #expect(answer.error == error)
                }
                let cut = body(["_attachments": ["a": follows(5)]], ["hello"]).dropLast(20)
                let answer = try await client.send(
                    "PUT",
                    "\(database)/d",
                    bytes: Array(cut),
                    headers: [("Content-Type", "multipart/related; boundary=abc123")]
                )
                #expect(answer.status == 400)
                #expect(try await client.get("\(database)/d").status == 404)
            }
        }

        @Test func `a revision with what follows it is replicated as CouchDB's replicator does`()
            async throws
        {
            let system = try await RunningSystem.shared
            try await system.withDatabase { database in
                let client = system.administrator
                let hash = "967a00dff5e02add41819138abb3284d"
                let document: JSONValue = [
                    "_id": "d", "_rev": .string("3-\(hash)"),
                    "_revisions": ["start": 3, "ids": [.string(hash), .string(hash), .string(hash)]],
                    "_attachments": [
                        "a": [
                            "follows": true, "content_type": "text/plain", "revpos": 2, "length": 5,
                            "digest": "md5-XUFAKrxLKna5cZ2REBfFkg==",
                        ]
                    ],
                ]
                for _ in 0..<3 {
                    let put = try await client.send(
                        "PUT",
                        "\(database)/d?new_edits=false",
                        bytes: body(document, ["hello"]),
                        headers: [("Content-Type", "multipart/related; boundary=abc123")]
                    )
                    #expect(put.status == 201, "\(put.json)")
                }
                let read = try await client.get("\(database)/d?revs=true").json
                #expect(read["_rev"]?.stringValue == "3-\(hash)")
                #expect(read["_attachments"]?["a"]?["revpos"] == 2)
                #expect(try await client.get("\(database)/d/a").bytes == Array("hello".utf8))
            }
        }
    }
}
