import CouchProtocol
import JSON
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// Large `_bulk_docs`: what is in memory of them has a limit, and what they are has another one.
    @Suite(.timeLimit(.minutes(30))) struct BulkIntakeTests {
        /// An instance that reads a megabyte of any other body, and has two of memory for those of one caller.
        private static let small = ["FULLSYNC_REQUEST_SIZE": "1MiB", "FULLSYNC_REQUEST_MEMORY": "8MiB"]

        private func photo(_ number: Int, _ size: Int) -> [UInt8] {
            (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number &+ $0 >> 8) }
        }

        /// A report as PouchDB pushes it, with a photo in it.
        private func report(_ number: Int, _ photo: [UInt8]) -> JSONValue {
            [
                "_id": .string("report\(number)"), "_rev": "1-a", "n": .number(JSONNumber(number)),
                "_attachments": [
                    "photo.jpg": [
                        "content_type": "image/jpeg", "data": .string(Base64.encode(photo)), "digest": "md5-x",
                        "revpos": 1,
                    ],
                    "note.txt": ["content_type": "text/plain", "data": "bm90ZQ=="],
                ],
            ]
        }

        /// The body as PouchDB writes it: with `new_edits` behind the documents.
        private func push(_ docs: [JSONValue]) -> String {
            #"{"docs":\#(JSONValue.array(docs).text),"new_edits":false}"#
        }

        private func send(_ text: String, to database: String, _ client: Client) async throws -> Client.Answer {
            try await client.send("POST", "\(database)/_bulk_docs", text: text)
        }

        @Test func `a backlog of photos is taken in one request that is larger than memory may be`() async throws {
            let system = try await RunningSystem.shared
            try await system.withInstance(Self.small) { instance in
                try await system.withDatabase { database in
                    let client = Client(instance.http, system.administrator.credentials)
                    let photos = (0..<10).map { photo($0, 300_000) }
                    let body = push(photos.enumerated().map { report($0, $1) })
                    #expect(body.utf8.count > 4_000_000)
                    let answer = try await send(body, to: database, client)
                    #expect(answer.status == 201 && answer.json == [], "\(answer.json)")
                    for (number, photo) in photos.enumerated() {
                        let path = "\(database)/report\(number)"
                        #expect(try await client.get("\(path)/photo.jpg").bytes == photo)
                        #expect(try await client.get("\(path)/note.txt").bytes == Array("note".utf8))
                        #expect(try await client.get(path).json["n"]?.intValue == number)
                    }
                    // The same again, as a device sends it that did not hear the answer, and with slashes escaped.
                    let again = try await send(body.replacing("/", with: #"\/"#), to: database, client)
                    #expect(again.status == 201 && again.json == [])
                    let info = try await client.get(database).json
                    #expect(info["doc_count"] == 10)
                }
            }
        }

        @Test func `a document with a photo in it may be larger than other bodies`() async throws {
            let system = try await RunningSystem.shared
            try await system.withInstance(Self.small) { instance in
                try await system.withDatabase { database in
                    let client = Client(instance.http, system.administrator.credentials)
                    let photo = photo(0, 2_500_000)
                    let attachments: JSONValue = ["photo.jpg": ["data": .string(Base64.encode(photo))]]
                    let put = try await client.send("PUT", "\(database)/d", ["n": 1, "_attachments": attachments])
                    #expect(put.status == 201, "\(put.json)")
                    #expect(try await client.get("\(database)/d/photo.jpg").bytes == photo)
                    let posted = try await client.send("POST", database, ["_id": "e", "_attachments": attachments])
                    #expect(posted.status == 201, "\(posted.json)")
                    #expect(try await client.get("\(database)/e/photo.jpg").bytes == photo)
                    let text = JSONValue.string(String(repeating: "x", count: 1_500_000))
                    let large = try await client.send("PUT", "\(database)/f", ["text": text])
                    #expect(large.status == 413 && large.error == "too_large")
                }
            }
        }

        @Test func `what of it is too large is refused alone`() async throws {
            let system = try await RunningSystem.shared
            let limits = Self.small.merging(["FULLSYNC_ATTACHMENT_SIZE": "200KiB"]) { $1 }
            try await system.withInstance(limits) { instance in
                try await system.withDatabase { database in
                    let client = Client(instance.http, system.administrator.credentials)
                    let long: JSONValue = .string(String(repeating: "x", count: 1_500_000))
                    let docs: [JSONValue] = [
                        report(0, photo(0, 100_000)), report(1, photo(1, 250_000)),
                        ["text": long, "_id": "long", "_rev": "1-a"], report(2, photo(2, 100_000)),
                    ]
                    let answer = try await send(push(docs), to: database, client)
                    #expect(answer.status == 201)
                    let rows = answer.json.arrayValue ?? []
                    #expect(rows.map { $0["id"] } == ["report1", "long"])
                    #expect(rows.map { $0["rev"] } == ["1-a", "1-a"])
                    #expect(rows.map { $0["error"] } == ["forbidden", "forbidden"])
                    #expect(rows.first?["reason"] == "attachment_too_large: photo.jpg")
                    #expect(rows.last?["reason"] == "document_too_large: long")
                    #expect(try await client.get("\(database)/report2/photo.jpg").bytes == photo(2, 100_000))
                    #expect(try await client.get("\(database)/report1").status == 404)
                    // What its writer can mend is refused as CouchDB refuses it, as a whole.
                    let edits = try await client.send("POST", "\(database)/_bulk_docs", ["docs": .array(docs)])
                    #expect(edits.status == 413 && edits.error == "attachment_too_large")
                }
            }
        }

        @Test func `what is kept of documents that are refused counts, too`() async throws {
            let system = try await RunningSystem.shared
            try await system.withInstance(Self.small) { instance in
                try await system.withDatabase { database in
                    let client = Client(instance.http, system.administrator.credentials)
                    func body(_ count: Int) -> String {
                        let docs = (0..<count).map { number -> JSONValue in
                            let id = "\(number)" + String(repeating: "x", count: 30_000)
                            return ["_id": .string(id), "_rev": "1-a"]
                        }
                        return #"{"new_edits":false,"docs":\#(JSONValue.array(docs).text)}"#
                    }
                    let some = try await send(body(10), to: database, client)
                    #expect(some.status == 201)
                    #expect(some.json.arrayValue?.map { $0["error"] } == Array(repeating: "forbidden", count: 10))
                    let many = try await send(body(60), to: database, client)
                    #expect(many.status == 413 && many.error == "too_large")
                }
            }
        }

        @Test func `documents made elsewhere are written some at a time, when the body says first that they are`()
            async throws
        {
            let system = try await RunningSystem.shared
            try await system.withInstance(Self.small) { instance in
                try await system.withDatabase { database in
                    let client = Client(instance.http, system.administrator.credentials)
                    let text = JSONValue.string(String(repeating: "x", count: 30_000))
                    let docs = (0..<100).map { number -> JSONValue in
                        ["_id": .string("d\(number)"), "_rev": number == 70 ? "x" : "1-a", "text": text]
                    }
                    let list = JSONValue.array(docs.filter { $0["_rev"] == "1-a" }).text
                    let first = try await send(#"{"new_edits":false,"docs":\#(list)}"#, to: database, client)
                    #expect(first.status == 201 && first.json == [], "\(first.json)")
                    #expect(try await client.get(database).json["doc_count"] == 99)
                    let last = try await send(#"{"docs":\#(list),"new_edits":false}"#, to: database, client)
                    #expect(last.status == 413 && last.error == "too_large")
                    // What cannot be understood refuses the request, wherever it stands.
                    let all = #"{"new_edits":false,"docs":\#(JSONValue.array(docs).text)}"#
                    #expect(try await send(all, to: database, client).reason == "Invalid rev format")
                }
            }
        }

        @Test func `the whole body has a limit, and what is no Base64 refuses it`() async throws {
            let system = try await RunningSystem.shared
            try await system.withInstance(["FULLSYNC_REQUEST_BULK": "1MiB"]) { instance in
                try await system.withDatabase { database in
                    let client = Client(instance.http, system.administrator.credentials)
                    let large = push([report(0, photo(0, 800_000))])
                    let announced = try await send(large, to: database, client)
                    #expect(announced.status == 413 && announced.error == "too_large")
                    let chunked = try await client.send(
                        "POST",
                        "\(database)/_bulk_docs",
                        bytes: Array(large.utf8),
                        headers: [("Content-Type", "application/json")],
                        chunked: true
                    )
                    #expect(chunked.status == 413 && chunked.error == "too_large")
                    try await refusesLongMultiparts(client, database)
                    let wrong = String(repeating: "QUJD", count: 30_000) + "*"
                    let docs: [JSONValue] = [["_id": "a", "_attachments": ["photo": ["data": .string(wrong)]]]]
                    let answer = try await client.send("POST", "\(database)/_bulk_docs", ["docs": .array(docs)])
                    #expect(answer.status == 400 && answer.reason == "Invalid attachment data for photo")
                    #expect(try await client.get(database).json["doc_count"] == 0)
                }
            }
        }

        /// What stands in parts that mean nothing, and around the parts, is of the body, too.
        private func refusesLongMultiparts(_ client: Client, _ database: String) async throws {
            let long = String(repeating: "x", count: 1_200_000)
            let form = "--x\r\nContent-Disposition: form-data; name=\"_doc\"\r\n\r\n{}\r\n--x--"
            for (method, type, body) in [
                ("PUT", "related", "\(long)\r\n--x\r\n\r\n{}\r\n--x--"),
                ("PUT", "related", "--x\r\n\r\n{}\r\n--x\r\n\r\n\(long)\r\n--x--"),
                ("POST", "form-data", form + long),
            ] {
                let headers = [
                    ("Content-Type", "multipart/\(type); boundary=x"), ("Referer", "\(client.base)/x.html"),
                ]
                let answer = try await client.send(
                    method,
                    "\(database)/d",
                    bytes: Array(body.utf8),
                    headers: headers,
                    chunked: true
                )
                #expect(answer.status == 413 && answer.error == "too_large", "\(type): \(answer.status)")
            }
        }
    }
}
