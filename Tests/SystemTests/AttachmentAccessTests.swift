import AsyncHTTPClient
import Foundation
import JSON
import NIOCore
import NIOHTTP1
import PrivateServers
import TestSupport
import Testing

extension SystemTests {
    /// Attachments of others, and attachments that are larger than memory should be.
    @Suite(.timeLimit(.minutes(30))) struct AttachmentAccessTests {
        private let database = "/fieldservice"

        @Test func `an attachment of others is answered like one that is not there`() async throws {
            let system = try await RunningSystem.shared
            let cast = try await Cast.of(system)
            let (owner, stranger) = try await (system.login(cast.first), system.login(cast.stranger))
            let (id, none) = (uniqueID("secret"), uniqueID("secret"))
            let put = try await owner.send("PUT", "\(database)/\(id)/a", bytes: Array("secret".utf8))
            #expect(put.status == 201, "\(put.json)")
            let revision = try #require(put.json["rev"]?.stringValue)
            #expect(try await owner.get("\(database)/\(id)/a").bytes == Array("secret".utf8))
            for (method, path) in [
                ("GET", "ID/a"), ("HEAD", "ID/a"), ("GET", "ID/a?rev=\(revision)"), ("GET", "ID/b"),
                ("GET", "ID?attachments=true&rev=\(revision)"), ("DELETE", "ID/a?rev=\(revision)"),
                ("DELETE", "ID/a"),
                ("PUT", "ID/a?rev=\(revision)"), ("GET", "ID?open_revs=all"),
            ] {
                var answers: [String] = []
                for name in [id, none] {
                    let answer = try await stranger.send(
                        method,
                        "\(database)/\(path.replacing("ID", with: name))",
                        bytes: method == "PUT" ? Array("x".utf8) : nil
                    )
                    let text = String(decoding: answer.bytes, as: UTF8.self).replacing(name, with: "ID")
                    answers.append("\(answer.status) \(answer.header("ETag") ?? "no tag") \(text)")
                }
                #expect(answers[0] == answers[1], "\(method) \(path)")
            }
            // The digest of what somebody else has is no way to it, neither as a stub nor with a history.
            let digest: JSONValue = "md5-Xr4ilOzQ4PCOq3aQ0qbuaQ=="
            let stub: JSONValue = ["a": ["stub": true, "revpos": 1, "digest": digest, "length": 6]]
            let mine = try await stranger.send("PUT", "\(database)/\(none)", ["_attachments": stub])
            #expect(mine.error == "missing_stub")
            let hash = "967a00dff5e02add41819138abb3284d"
            let forged: JSONValue = [
                "new_edits": false,
                "docs": [
                    [
                        "_id": .string(id), "_rev": .string("2-\(hash)"), "_attachments": stub,
                        "_revisions": [
                            "start": 2, "ids": [.string(hash), .string(String(revision.dropFirst(2)))],
                        ],
                    ]
                ],
            ]
            let refused = try await stranger.send("POST", "\(database)/_bulk_docs", forged).json
            #expect(refused.arrayValue?.first?["error"] == "forbidden")
        }

        @Test func `200 MB go up and down in bounded memory`() async throws {
            let system = try await RunningSystem.shared
            try await system.withDatabase { database in
                let client = system.administrator
                // So that what the process takes for its first requests does not count.
                _ = try await client.send(
                    "PUT",
                    "\(database)/small/a",
                    bytes: [UInt8](repeating: 1, count: 1 << 20)
                )
                _ = try await client.get("\(database)/small/a")
                let before = try resident(system)
                var put = client.request("PUT", "\(database)/large/a")
                put.body = .stream(Large(), length: .known(Int64(Large.size)))
                let written = try await HTTPClient.shared.execute(put, timeout: .seconds(1_200))
                #expect(written.status == .created)
                let revision = try await written.body.collect(upTo: 1 << 20)
                let rev =
                    try JSONValue(parsing: Array(revision.readableBytesView))["rev"]?.stringValue ?? ""
                try await expect(client.request("GET", "\(database)/large/a"), prefix: 0)
                // The same content, in a document with parts, and as a part of an answer.
                let json = Array(#"{"_rev":"\#(rev)","_attachments":{"b":{"follows":true}}}"#.utf8)
                let head =
                    Array("--bnd\r\nContent-Type: application/json\r\n\r\n".utf8) + json
                    + Array("\r\n--bnd\r\n\r\n".utf8)
                var related = client.request(
                    "PUT",
                    "\(database)/large",
                    headers: [("Content-Type", "multipart/related; boundary=bnd")]
                )
                related.body = .stream(Large(head: head, tail: Array("\r\n--bnd--".utf8)), length: .unknown)
                let again = try await HTTPClient.shared.execute(related, timeout: .seconds(1_200))
                #expect(again.status == .created)
                let parts = client.request(
                    "GET",
                    "\(database)/large?attachments=true",
                    headers: [("Accept", "multipart/related")]
                )
                try await expect(parts, prefix: nil)
                let after = try resident(system)
                #expect(after - before < 64 << 20, "\(before) \(after)")
            }
        }

        /// The most memory that the endpoint's process has had at once, in bytes.
        private func resident(_ system: RunningSystem) throws -> Int {
            let pid = try system.process(of: "replication-endpoint").pid
            let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
            return (Int(line.filter(\.isNumber)) ?? 0) << 10
        }

        /// Reads an answer to its end, which must hold the large content: from that byte on, or somewhere.
        private func expect(_ request: HTTPClientRequest, prefix: Int?) async throws {
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(1_200))
            #expect(response.status == .ok)
            var length = 0
            var isRight = true
            for try await chunk in response.body {
                if prefix != nil {
                    isRight = isRight && chunk.readableBytesView.first == Large.byte(at: length)
                    isRight =
                        isRight
                        && chunk.readableBytesView.last == Large.byte(at: length + chunk.readableBytes - 1)
                }
                length += chunk.readableBytes
            }
            #expect(isRight)
            if prefix != nil { #expect(length == Large.size) } else { #expect(length > Large.size) }
        }

        @Test func `limits are the endpoint's settings, and their errors say what is too much`()
            async throws
        {
            let system = try await RunningSystem.shared
            let service = try await TestService.start(
                "replication-endpoint",
                [
                    "FULLSYNC_POSTGRES_URL": system.postgres, "FULLSYNC_AMQP_URL": system.amqp,
                    "FULLSYNC_ADMIN_PASSWORD": try system.password, "FULLSYNC_PORT": "0",
                    "FULLSYNC_ATTACHMENT_SIZE": "10", "FULLSYNC_ATTACHMENT_TOTAL": "15",
                    "FULLSYNC_ATTACHMENT_COUNT": "2", "FULLSYNC_ATTACHMENT_NAME": "5",
                ]
            )
            let password = try system.password
            let client = Client(
                try #require(try await service.addresses().http),
                .basic(name: "admin", password: password)
            )
            try await system.withDatabase { database in
                let tooLarge = try await client.send(
                    "PUT",
                    "\(database)/d/a",
                    bytes: [UInt8](repeating: 1, count: 11)
                )
                #expect(tooLarge.status == 413)
                #expect(tooLarge.error == "attachment_too_large")
                #expect(tooLarge.reason == "a")
                let chunked = try await client.send(
                    "PUT",
                    "\(database)/d/a",
                    bytes: [UInt8](repeating: 1, count: 11),
                    chunked: true
                )
                #expect(chunked.error == "attachment_too_large")
                #expect(try await client.send("PUT", "\(database)/d/longer", bytes: [1]).status == 400)
                for (attachments, error) in [
                    (["a": ["data": "AAAAAAAAAAAAAAA="]], "attachment_too_large"),
                    (["a": ["data": "AAAAAAAAAAA="], "b": ["data": "AAAAAAAAAAA="]], "too_many_attachments"),
                    (["a": ["data": ""], "b": ["data": ""], "c": ["data": ""]], "too_many_attachments"),
                ] as [(JSONValue, String)] {
                    let answer = try await client.send("PUT", "\(database)/d", ["_attachments": attachments])
                    #expect(answer.status == 413, "\(answer.json)")
                    #expect(answer.error == error)
                }
                #expect(try await client.send("PUT", "\(database)/d/a", bytes: [1]).status == 201)
            }
            _ = await service.stop()
        }
    }
}

/// 200 MB that are nowhere in memory, each byte by its place.
private struct Large: AsyncSequence, Sendable {
    static let size = 200 << 20
    private static let piece = 128 << 10
    private static let pieces = [UInt8](unsafeUninitializedCapacity: piece) { buffer, count in
        for place in 0..<piece { buffer[place] = byte(at: place) }
        count = piece
    }

    var head: [UInt8] = []
    var tail: [UInt8] = []

    /// Repeats with each piece, so that one is enough.
    static func byte(at place: Int) -> UInt8 { UInt8(truncatingIfNeeded: place % piece &* 31) }

    struct AsyncIterator: AsyncIteratorProtocol {
        var head: [UInt8]
        var tail: [UInt8]
        var sent = 0

        mutating func next() async throws -> ByteBuffer? {
            if !head.isEmpty {
                defer { head = [] }
                return ByteBuffer(bytes: head)
            }
            if sent < Large.size {
                sent += Large.piece
                return ByteBuffer(bytes: Large.pieces)
            }
            guard !tail.isEmpty else { return nil }
            defer { tail = [] }
            return ByteBuffer(bytes: tail)
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(head: head, tail: tail) }
}
