import AsyncHTTPClient
import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// What connections bear, and what they are spared.
    @Suite(.timeLimit(.minutes(30))) struct ConnectionTests {
        private func head(_ path: String, _ length: Int, _ system: RunningSystem, _ more: String = "") throws -> String
        {
            head("PUT", path, length, by: "admin:\(try system.password)", more)
        }

        private func head(
            _ method: String,
            _ path: String,
            _ length: Int,
            by credentials: String,
            _ more: String
        ) -> String {
            """
            \(method) \(path) HTTP/1.1\r\nHost: here\r\n\
            Authorization: Basic \(Data(credentials.utf8).base64EncodedString())\r\n\
            Content-Type: application/json\r\nContent-Length: \(length)\r\n\(more)\r\n
            """
        }

        @Test func `who sends a part of a request and then nothing is cut off`() async throws {
            let system = try await RunningSystem.shared
            let limits = ["FULLSYNC_CONNECTIONS_PATIENCE": "1s", "FULLSYNC_CONNECTIONS_IDLE": "1s"]
            try await system.withInstance(limits) { instance in
                for text in ["", "PUT /fieldservice/x HT", try head("/fieldservice/x", 100, system) + "{"] {
                    try await RawConnection.open(instance.http) { connection in
                        try await connection.write(text)
                        #expect(try await connection.readToEnd() == "")
                    }
                }
            }
        }

        @Test(arguments: ["_changes", "_all_docs"]) func `who takes nothing of an answer is cut off`(
            resource: String
        ) async throws {
            let system = try await RunningSystem.shared
            try await system.administrator.withDatabase { database in
                let text = String(repeating: "x", count: 100_000)
                for part in 0..<6 {
                    let docs = (0..<50).map { JSONValue.object(["_id": .string("\(part)-\($0)"), "t": .string(text)]) }
                    let answer = try await database.client.send(
                        "POST",
                        "/\(database.name)/_bulk_docs",
                        ["docs": .array(docs)]
                    )
                    try #require(answer.status == 201)
                }
                try await system.withInstance(["FULLSYNC_CONNECTIONS_PATIENCE": "1s"]) { instance in
                    let client = Client(instance.http, system.administrator.credentials)
                    let answer = try await client.open("GET", "/\(database.name)/\(resource)?include_docs=true")
                    #expect(answer.status == .ok)
                    // Nobody reads the 30 MB, which are more than the connection holds.
                    try await eventually("it is cut off") {
                        try await instance.metric("fullsync_connections_cut_off_total") >= 1
                    }
                    try await eventually("its feed has ended") { try await instance.openFeeds() == 0 }
                    await #expect(throws: (any Error).self) { try await answer.body.collect(upTo: 64 << 20) }
                }
            }
        }

        @Test func `who waits for leave to send a body gets it when it is wanted`() async throws {
            let system = try await RunningSystem.shared
            let path = "/fieldservice/\(uniqueID("asked"))"
            let body = #"{"a":1}"#
            try await RawConnection.open(system.http) { connection in
                for (path, expected) in [(path, "201"), (path, "409")] {
                    try await connection.write(try head(path, body.utf8.count, system, "Expect: 100-continue\r\n"))
                    #expect(try await connection.read(through: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
                    try await connection.write(body)
                    let answer = try await connection.read(through: "}\n")
                    #expect(answer?.hasPrefix("HTTP/1.1 \(expected) ") == true, "\(answer ?? "")")
                }
            }
        }

        @Test(
            arguments: [
                ("PUT", "d", "{}"), ("PUT", "d/file", "{}"), ("PUT", "_local/d", "{}"),
                ("POST", "_bulk_docs", #"{"docs":[{}]}"#),
            ]
        )
        func `a right that ends while a body is under way ends the write`(
            method: String,
            resource: String,
            body: String
        ) async throws {
            let system = try await RunningSystem.shared
            let user = try await system.administrator.makeUser("first")
            try await system.administrator.withDatabase { database in
                try await RawConnection.open(system.http) { connection in
                    let head = head(
                        method,
                        "/\(database.name)/\(resource)",
                        body.utf8.count,
                        by: "\(user):first",
                        "Expect: 100-continue\r\n"
                    )
                    try await connection.write(head)
                    #expect(try await connection.read(through: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
                    let path = "/_fullsync/users/\(user)"
                    let changed = try await system.administrator.send("PUT", path, ["password": "second"])
                    #expect(changed.status == 200)
                    try await connection.write(body)
                    let answer = try await connection.read(through: "}\n")
                    #expect(answer?.hasPrefix("HTTP/1.1 401 ") == true, "\(answer ?? "")")
                }
                #expect(try await system.administrator.get("/\(database.name)").json["doc_count"] == 0)
            }
        }

        @Test func `a body that is refused is not read to its end`() async throws {
            let system = try await RunningSystem.shared
            let refused = [
                "PUT /fieldservice/x/file HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000000\r\n\r\nabc",
                "PUT /fieldservice/x/file HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
                try head("/fieldservice/x", 10_000_000_000, system, "Expect: 100-continue\r\n"),
            ]
            for (text, status) in zip(refused, ["401", "401", "413"]) {
                try await RawConnection.open(system.http) { connection in
                    try await connection.write(text)
                    let answer = try await connection.readToEnd()
                    #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
                    #expect(answer.lowercased().contains("connection: close\r\n"), "\(answer)")
                }
            }
        }

        @Test func `a body whose chunks are none is the sender's fault`() async throws {
            let system = try await RunningSystem.shared
            let credentials = Data("admin:\(try system.password)".utf8).base64EncodedString()
            try await RawConnection.open(system.http) { connection in
                try await connection.write(
                    "PUT /fieldservice/\(uniqueID("chunks")) HTTP/1.1\r\nHost: here\r\n"
                        + "Authorization: Basic \(credentials)\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + "2\r\n{}\r\nzz\r\n"
                )
                let answer = try await connection.readToEnd()
                #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains(#""error":"bad_request""#), "\(answer)")
            }
        }

        @Test func `bodies have so much memory, and no more`() async throws {
            let system = try await RunningSystem.shared
            try await system.withInstance(["FULLSYNC_REQUEST_MEMORY": "4MiB"]) { instance in
                let client = Client(instance.http, system.administrator.credentials)
                let text = String(repeating: "x", count: 1 << 20)
                let path = "/fieldservice/\(uniqueID("large"))"
                #expect(try await client.send("PUT", path, ["t": .string(text)]).status == 429)
                // What was read is forgotten, however often.
                for _ in 0..<5 {
                    let answer = try await client.send("PUT", path, ["t": .string(String(text.dropLast(1_000)))])
                    #expect([201, 409].contains(answer.status))
                }
            }
        }
    }
}
