import CouchProtocol
import Foundation
import JSON
import Testing

extension SystemTests {
    /// One attachment as a resource: what is sent is what comes back, with CouchDB's statuses and headers.
    @Suite(.timeLimit(.minutes(30))) struct AttachmentTests {
        private let hello = Array("hello".utf8)

        @Test(arguments: ["plain.txt", "in/a folder/ä.txt", "q?&#%25\"'.bin"])
        func `an attachment is put, read, replaced and deleted`(_ name: String) async throws {
            let system = try await RunningSystem.shared
            try await system.withDatabase { database in
                let client = system.administrator
                let path =
                    "\(database)/d/" + name.split(separator: "/").map { segment(String($0)) }.joined(separator: "/")
                let put = try await client.send("PUT", path, bytes: hello, headers: [("Content-Type", "text/plain")])
                #expect(put.status == 201)
                #expect(put.json["ok"] == true)
                let location = try #require(put.header("Location"))
                #expect(location.split(separator: "/").last?.removingPercentEncoding == name)
                let first = try #require(put.json["rev"]?.stringValue)
                let read = try await client.get(path)
                #expect(read.status == 200)
                #expect(read.bytes == hello)
                #expect(read.header("Content-Type") == "text/plain")
                #expect(read.header("ETag") == "\"XUFAKrxLKna5cZ2REBfFkg==\"")
                #expect(read.header("Content-MD5") == "XUFAKrxLKna5cZ2REBfFkg==")
                #expect(read.header("Accept-Ranges") == "bytes")
                #expect(read.header("Content-Length") == "5")
                // The whole name in one segment is the same attachment.
                #expect(try await client.get("\(database)/d/\(segment(name))").bytes == hello)
                let document = try await client.get("\(database)/d").json
                #expect(
                    document["_attachments"]?[name] == [
                        "content_type": "text/plain", "revpos": 1, "digest": "md5-XUFAKrxLKna5cZ2REBfFkg==",
                        "length": 5, "stub": true,
                    ]
                )
                #expect(try await client.send("PUT", path, bytes: [1]).status == 409)
                let second = try await client.send("PUT", "\(path)?rev=\(first)", bytes: [])
                #expect(second.status == 201)
                let empty = try await client.get(path)
                #expect(empty.bytes == [])
                #expect(empty.header("Content-Type") == "application/octet-stream")
                #expect(try await client.get("\(path)?rev=\(first)").bytes == hello)
                #expect(try await client.send("DELETE", path).status == 409)
                let revision = try #require(second.json["rev"]?.stringValue)
                let deleted = try await client.send("DELETE", path, bytes: nil, headers: [("If-Match", revision)])
                #expect(deleted.status == 200)
                #expect(try await client.get(path).reason == "Document is missing attachment")
                #expect(try await client.get("\(database)/d").json["_attachments"] == nil)
            }
        }

        @Test func `what cannot be is refused as CouchDB refuses it`() async throws {
            let system = try await RunningSystem.shared
            try await system.withDatabase { database in
                let client = system.administrator
                let put = try await client.send("PUT", "\(database)/d/a", bytes: hello)
                let revision = try #require(put.json["rev"]?.stringValue)
                let unknown = "1-967a00dff5e02add41819138abb3284d"
                let expected: [(String, String, [(String, String)], Int, String)] = [
                    ("PUT", "d/_a", [], 400, "bad_request"), ("PUT", "d/a?rev=x", [], 400, "bad_request"),
                    ("PUT", "d/a?rev=\(unknown)", [], 409, "not_found"), ("GET", "d/none", [], 404, "not_found"),
                    ("GET", "none/a", [], 404, "not_found"), ("GET", "d/a?rev=\(unknown)", [], 404, "not_found"),
                    ("DELETE", "d/none?rev=\(revision)", [], 404, "not_found"),
                    ("DELETE", "none/a", [], 404, "not_found"),
                    ("DELETE", "d/a?rev=\(unknown)", [], 409, "not_found"),
                    ("PUT", "d/a?rev=\(revision)", [("If-Match", unknown)], 400, "bad_request"),
                    ("PUT", "d/b?rev=\(revision)", [("Content-Encoding", "br")], 415, "bad_content_type"),
                    ("PUT", "d/b?rev=\(revision)", [("Content-MD5", "AAAA")], 400, "content_md5_mismatch"),
                    ("POST", "d/a", [], 405, "method_not_allowed"), ("GET", "_local/x/a", [], 400, "bad_request"),
                ]
                for (method, path, headers, status, error) in expected {
                    let bytes = method == "GET" || method == "DELETE" ? nil : hello
                    let answer = try await client.send(method, "\(database)/\(path)", bytes: bytes, headers: headers)
                    #expect(answer.status == status, "\(method) \(path): \(answer.json)")
                    #expect(answer.error == error, "\(method) \(path)")
                }
                #expect(try await client.get("\(database)/d").json["_rev"]?.stringValue == revision)
            }
        }

        @Test func `ranges are cut as CouchDB cuts them`() async throws {
            let system = try await RunningSystem.shared
            try await system.withDatabase { database in
                let client = system.administrator
                let bytes = (0..<600_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
                #expect(try await client.send("PUT", "\(database)/d/a", bytes: bytes, chunked: true).status == 201)
                for (range, expected) in [
                    ("0-0", 0..<1), ("262000-262500", 262_000..<262_501), ("-5", 599_995..<600_000),
                    ("599999-", 599_999..<600_000), ("100-9999999", 100..<600_000),
                ] {
                    let answer = try await client.send(
                        "GET",
                        "\(database)/d/a",
                        bytes: nil,
                        headers: [("Range", "bytes=\(range)")]
                    )
                    #expect(answer.status == 206)
                    #expect(answer.bytes == Array(bytes[expected]), "\(range)")
                    #expect(
                        answer.header("Content-Range")
                            == "bytes \(expected.lowerBound)-\(expected.upperBound - 1)/600000"
                    )
                }
                for range in ["bytes=5-3", "bytes=600000-"] {
                    let answer = try await client.send(
                        "GET",
                        "\(database)/d/a",
                        bytes: nil,
                        headers: [("Range", range)]
                    )
                    #expect(answer.status == 416)
                    #expect(answer.error == "requested_range_not_satisfiable")
                }
                let whole = try await client.send(
                    "GET",
                    "\(database)/d/a",
                    bytes: nil,
                    headers: [("Range", "bytes=0-")]
                )
                #expect(whole.status == 200)
                #expect(whole.bytes == bytes)
                let two = try await client.send(
                    "GET",
                    "\(database)/d/a",
                    bytes: nil,
                    headers: [("Range", "bytes=0-3,10-11")]
                )
                #expect(two.status == 206)
                #expect(two.header("Content-Type")?.hasPrefix("multipart/byteranges; boundary=") == true)
                let parts = try Parts(two)
                #expect(parts.contents == [Array(bytes[0..<4]), Array(bytes[10..<12])])
                #expect(parts.headers.map { $0["content-range"] } == ["bytes 0-3/600000", "bytes 10-11/600000"])
                let binary = "application/octet-stream"
                #expect(parts.headers.map { $0["content-type"] } == [binary, binary])
                let tag = try #require(whole.header("ETag"))
                let again = try await client.send(
                    "GET",
                    "\(database)/d/a",
                    bytes: nil,
                    headers: [("If-None-Match", tag)]
                )
                #expect(again.status == 304)
                #expect(again.bytes == [])
                let head = try await client.send("HEAD", "\(database)/d/a", bytes: nil)
                #expect(head.status == 200)
                #expect(head.header("Content-Length") == "600000")
            }
        }

        @Test func `HTML in an attachment cannot run, and no name or type of it adds a header`() async throws {
            let system = try await RunningSystem.shared
            try await system.withDatabase { database in
                let document: JSONValue = [
                    "_attachments": [
                        "x.html": ["content_type": "text/html\r\nX-Evil: yes", "data": "PHNjcmlwdD4="],
                        "\"\r\nX-Evil: yes": ["data": ""],
                    ]
                ]
                #expect(try await system.administrator.send("PUT", "\(database)/d", document).status == 201)
                let answer = try await system.administrator.get("\(database)/d/x.html")
                #expect(answer.bytes == Array("<script>".utf8))
                #expect(answer.header("X-Content-Type-Options") == "nosniff")
                let policy = try #require(answer.header("Content-Security-Policy"))
                #expect(policy.contains("sandbox") && policy.contains("default-src 'none'"))
                #expect(answer.header("X-Evil") == nil)
                let parts = try await system.administrator.send(
                    "GET",
                    "\(database)/d?attachments=true",
                    bytes: nil,
                    headers: [("Accept", "multipart/related")]
                )
                for headers in try Parts(parts).headers { #expect(headers["x-evil"] == nil) }
            }
        }

        @Test func `what comes compressed is kept compressed, and unpacked for those who cannot`() async throws {
            let system = try await RunningSystem.shared
            try await system.withDatabase { database in
                let client = system.administrator
                // `printf 'hello hello hello' | gzip -n`
                let packed: [UInt8] = [
                    0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x57, 0xC8, 0x40, 0x90, 0,
                    0x80, 0x88, 0xF9, 0xE5, 17, 0, 0, 0,
                ]
                let text = Array("hello hello hello".utf8)
                let put = try await client.send(
                    "PUT",
                    "\(database)/d/a.txt",
                    bytes: packed,
                    headers: [("Content-Encoding", "gzip"), ("Content-Type", "text/plain")]
                )
                #expect(put.status == 201)
                let plain = try await client.send("GET", "\(database)/d/a.txt", bytes: nil)
                #expect(plain.bytes == text)
                #expect(plain.header("Content-Encoding") == nil)
                #expect(plain.header("Content-Length") == String(text.count))
                let asKept = try await client.send(
                    "GET",
                    "\(database)/d/a.txt",
                    bytes: nil,
                    headers: [("Accept-Encoding", "gzip")]
                )
                #expect(asKept.bytes == packed)
                #expect(asKept.header("Content-Encoding") == "gzip")
                #expect(asKept.header("Accept-Ranges") == "none")
                let described = try await client.get("\(database)/d?att_encoding_info=true").json["_attachments"]?[
                    "a.txt"
                ]
                #expect(described?["encoding"] == "gzip")
                #expect(described?["encoded_length"]?.intValue == packed.count)
                #expect(described?["length"]?.intValue == text.count)
                let inline = try await client.send(
                    "GET",
                    "\(database)/d?attachments=true",
                    bytes: nil,
                    headers: [("Accept", "application/json")]
                )
                let data = inline.json["_attachments"]?["a.txt"]?["data"]?.stringValue
                #expect(data.flatMap { Base64.decode($0.utf8) } == text)
            }
        }

        @Test func `what is said to be packed and is not, or unpacks to too much, is refused`() async throws {
            let system = try await RunningSystem.shared
            try await system.withInstance(["FULLSYNC_ATTACHMENT_SIZE": "64KiB"]) { instance in
                try await system.withDatabase { database in
                    let client = Client(instance.http, system.administrator.credentials)
                    // `head -c 200000 /dev/zero | gzip -9n`
                    let bomb: [UInt8] =
                        [
                            0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 3, 0xED, 0xC1, 0x31, 1, 0, 0, 0, 0xC2, 0xA0, 0xF5, 0x4F,
                            0x6D, 6, 0x7F, 0xA0,
                        ] + Array(repeating: 0, count: 192)
                        + [0x80, 0xD7, 0, 0x7B, 0x58, 0xE0, 0x5C, 0x40, 0x0D, 3, 0]
                    let packed: [UInt8] = [
                        0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x57, 0xC8, 0x40, 0x90, 0,
                        0x80, 0x88, 0xF9, 0xE5, 17, 0, 0, 0,
                    ]
                    for (content, status) in [
                        (Array("not packed".utf8), 400), (Array(packed.dropLast()), 400), ([], 400), (bomb, 413),
                        (packed, 201),
                    ] {
                        let put = try await client.send(
                            "PUT",
                            "\(database)/\(content.count)/a",
                            bytes: content,
                            headers: [("Content-Encoding", "gzip")]
                        )
                        #expect(put.status == status, "\(content.count): \(put.json)")
                        let attachment: JSONValue = [
                            "follows": true, "content_type": "a/b", "encoding": "gzip", "length": 7,
                            "encoded_length": .number(JSONNumber(content.count)),
                        ]
                        let text = JSONValue.object(["_attachments": ["a": attachment]]).text
                        let body = "--x\r\n\r\n\(text)\r\n--x\r\n\r\n"
                        let related = try await client.send(
                            "PUT",
                            "\(database)/related-\(content.count)",
                            bytes: Array(body.utf8) + content + Array("\r\n--x--".utf8),
                            headers: [("Content-Type", "multipart/related;boundary=x")]
                        )
                        #expect(related.status == status, "\(content.count): \(related.json)")
                    }
                    // What was claimed is not told.
                    let kept = try await client.get("\(database)/related-\(packed.count)").json["_attachments"]?["a"]
                    #expect(kept?["length"] == 17)
                }
            }
        }
    }
}

/// The parts of a multipart answer.
struct Parts {
    private(set) var headers: [MultipartHeaders] = []
    private(set) var contents: [[UInt8]] = []

    init(_ answer: Client.Answer) throws {
        try self.init(answer.bytes, MediaType(answer.header("Content-Type") ?? ""))
    }

    /// The parts within a part.
    init(within part: Int, of parts: Parts) throws {
        try self.init(parts.contents[part], try #require(parts.headers[part].contentType))
    }

    private init(_ bytes: [UInt8], _ type: MediaType) throws {
        var reader = try MultipartReader(type)
        for event in try reader.append(bytes) {
            switch event {
            case .part(let headers):
                self.headers.append(headers)
                contents.append([])
            case .content(let bytes): contents[contents.count - 1] += bytes
            case .partEnd, .end: break
            }
        }
        try reader.finish()
    }

    /// The contents as JSON; null for one that is none.
    var documents: [JSONValue] { contents.map { (try? JSONValue(parsing: $0)) ?? .null } }
}
