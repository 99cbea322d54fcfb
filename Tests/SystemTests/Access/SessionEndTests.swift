import AsyncHTTPClient
import JSON
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// Sessions that every instance knows, and their ends.
    @Suite(.timeLimit(.minutes(30))) struct SessionEndTests {
        @Test func `a session counts at every instance, and ends at all of them`() async throws {
            let (system, other) = try await (RunningSystem.shared, OtherEndpoint.shared)
            let name = try await system.administrator.makeUser("secret")
            let here = try await Client(system.http).login(name, "secret")
            let there = Client(other.http, here.credentials)
            #expect(try await there.get("/fieldservice").status == 200)
            #expect(try await here.send("DELETE", "/_session").status == 200)
            #expect(try await here.get("/fieldservice").status == 401)
            try await eventually("the other instance knows") {
                try await there.get("/fieldservice").status == 401
            }
        }

        @Test func `an administrator sees who is logged in, and ends it`() async throws {
            let (system, other) = try await (RunningSystem.shared, OtherEndpoint.shared)
            let name = try await system.administrator.makeUser("secret")
            let sessions = [
                try await Client(system.http).login(name, "secret"), try await Client(other.http).login(name, "secret"),
            ]
            let list = try await other.administrator.get("/_fullsync/sessions?user=\(name)")
            let rows = list.json["sessions"]?.arrayValue ?? []
            #expect(rows.count == 2)
            let text = String(decoding: list.bytes, as: UTF8.self)
            for case .session(let token) in sessions.map(\.credentials) { #expect(!text.contains(token)) }
            for row in rows {
                #expect(row["user"]?.stringValue == name)
                #expect(row["address"] == "127.0.0.1")
                #expect(row["created"]?.stringValue?.hasSuffix("Z") == true)
                #expect(row["expires"]?.stringValue?.hasSuffix("Z") == true)
            }
            let id = try #require(rows.first?["id"]?.stringValue)
            #expect(try await system.administrator.send("DELETE", "/_fullsync/sessions/\(id)").status == 200)
            #expect(try await system.administrator.send("DELETE", "/_fullsync/sessions/\(id)").status == 404)
            #expect(try await system.administrator.send("DELETE", "/_fullsync/sessions/none").status == 404)
            #expect(
                try await system.administrator.get("/_fullsync/sessions?user=\(name)").json["sessions"]?.arrayValue?
                    .count == 1
            )
            let ended = try await system.administrator.send("DELETE", "/_fullsync/users/\(name)/sessions")
            #expect(ended.json == ["ok": true, "ended": 1])
            try await eventually("both are over") {
                for session in sessions where try await session.get("/fieldservice").status != 401 { return false }
                return true
            }
        }

        @Test func `a session that is used slides on where that is set, and its cookie says so`() async throws {
            let (system, other) = try await (RunningSystem.shared, OtherEndpoint.shared)
            let name = try await system.administrator.makeUser("secret")
            let session = try await Client(other.http).login(name, "secret")
            // Fresh sessions are not written again.
            #expect(try await session.get("/_session").headers["set-cookie"].isEmpty)
            _ = try await CommandFailure.check(
                "/usr/bin/psql",
                [
                    "--no-psqlrc", "--dbname=\(system.postgres)",
                    "--command=UPDATE sessions SET expires_at = now() + interval '1 hour' WHERE user_name = '\(name)'",
                ]
            )
            try await eventually("the session was made longer") {
                let cookies = try await session.get("/_session").headers["set-cookie"]
                return cookies.contains { $0.contains("Max-Age=8") && $0.hasPrefix("AuthSession=") }
            }
        }

        @Test func `the cookie is for TLS where a trusted proxy says that the client speaks it`() async throws {
            let (system, other) = try await (RunningSystem.shared, OtherEndpoint.shared)
            let name = try await system.administrator.makeUser("secret")
            let body = #"{"name":"\#(name)","password":"secret"}"#
            let headers = [("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "198.51.100.77")]
            let trusted = try await Client(other.http).send("POST", "/_session", headers: headers, text: body)
            #expect(trusted.headers["set-cookie"].first?.contains("Secure") == true)
            let rows = try await system.administrator.get("/_fullsync/sessions?user=\(name)").json["sessions"]
            #expect(rows?.arrayValue?.first?["address"] == "198.51.100.77")
            let stranger = try await Client(system.http).send("POST", "/_session", headers: headers, text: body)
            #expect(stranger.headers["set-cookie"].first?.contains("Secure") == false)
        }
    }
}
