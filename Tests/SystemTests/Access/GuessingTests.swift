import JSON
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// Guessing passwords: each test has addresses of its own, as a trusted proxy would name them.
    @Suite(.timeLimit(.minutes(30))) struct GuessingTests {
        private func login(
            _ endpoint: OtherEndpoint,
            _ name: String,
            _ password: String,
            from address: String
        ) async throws -> Client.Answer {
            try await Client(endpoint.http).send(
                "POST",
                "/_session",
                headers: [("X-Forwarded-For", address)],
                text: JSONValue.object(["name": .string(name), "password": .string(password)]).text
            )
        }

        @Test func `after five wrong passwords the way is closed there for a while, and nowhere else`() async throws {
            let (system, other) = try await (RunningSystem.shared, OtherEndpoint.shared)
            let (name, address) = (try await system.administrator.makeUser("secret"), "203.0.113.1")
            for _ in 0..<5 {
                let answer = try await login(other, name, "wrong", from: address)
                #expect(answer.status == 401)
            }
            // The lock is short at first: on a slow machine it may be over before, or between the two. Then more wrong
            // guesses make another one.
            var refused: Client.Answer?
            try await eventually("the way is closed, for the right password too") {
                guard try await login(other, name, "wrong", from: address).status == 403 else { return false }
                refused = try await login(other, name, "secret", from: address)
                return refused?.status == 403
            }
            let closed = try #require(refused)
            #expect(closed.error == "forbidden")
            #expect(closed.reason == "Account is temporarily locked due to multiple authentication failures")
            #expect(closed.headers.first(name: "retry-after").flatMap { Int($0) }.map { $0 >= 1 } == true)
            #expect(closed.headers["set-cookie"].isEmpty)
            #expect(try await login(other, name, "secret", from: "203.0.113.2").status == 200)
            let metrics = try await Client(other.operations).get("/metrics")
            let text = String(decoding: metrics.bytes, as: UTF8.self)
            #expect(text.contains("fullsync_logins_throttled_total{scope=\"user_at_address\"}"), "\(text)")
            try await eventually("the way is open again") {
                try await login(other, name, "secret", from: address).status == 200
            }
        }

        @Test func `Basic credentials are guesses too, and those of the administrator`() async throws {
            let other = try await OtherEndpoint.shared
            let basic = Client(other.http, .basic(name: "admin", password: "wrong"))
            let headers = [("X-Forwarded-For", "203.0.113.3")]
            var statuses: [Int] = []
            while statuses.last != 403, statuses.count < 20 {
                statuses.append(try await basic.send("GET", "/_session", headers: headers).status)
            }
            #expect(statuses.last == 403 && statuses.prefix(5) == [401, 401, 401, 401, 401], "\(statuses)")
            #expect(try await other.administrator.get("/_session").status == 200)
        }

        @Test func `one address that tries many names is told to wait`() async throws {
            let other = try await OtherEndpoint.shared
            var answers: [Client.Answer] = []
            // A guess that nobody could check is none.
            while answers.last?.status != 429, answers.count(where: { $0.status == 401 }) < 60 {
                let round = answers.count
                // The administrator's name is refused without asking a worker.
                let name = round % 4 == 0 ? "admin" : "nobody-\(round)"
                answers.append(try await login(other, name, "wrong \(round)", from: "203.0.113.4"))
            }
            let last = try #require(answers.last)
            #expect(last.status == 429, "\(answers.map(\.status))")
            #expect(last.error == "too_many_requests")
            #expect(last.headers.first(name: "retry-after") != nil)
        }

        @Test func `one device that opens many connections at once is asked once`() async throws {
            let (system, other) = try await (RunningSystem.shared, OtherEndpoint.shared)
            let name = try await system.administrator.makeUser("secret")
            let basic = Client(other.http, .basic(name: name, password: "secret"))
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await basic.send("GET", "/fieldservice", headers: [("X-Forwarded-For", "203.0.113.5")])
                            .status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(statuses) == [200])
        }
    }
}
