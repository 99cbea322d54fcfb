import Contracts
import Foundation
import JSON
import Synchronization
import TestBackEnd
import TestSupport
import Testing

@testable import BackEndConnector
@testable import Projects

/// Tokens by client credentials: RFC 6749, sections 2.3.1, 4.4 and 5.
@Suite struct OAuth2Tests {
    @Test func `a token is asked for once, kept, and renewed when it is refused`() async throws {
        let valid = Mutex(1)
        let backEnd = try await BackEnd.start { request in
            let number = valid.withLock { $0 }
            guard request.target != "/token" else {
                return [.answer(200, #"{"access_token":"t\#(number)","token_type":"Bearer","expires_in":3600}"#)]
            }
            let isRight = request.headers["authorization"] == "Bearer t\(number)"
            return [.answer(isRight ? 200 : 401, "{}")]
        }
        let project = try HTTPBackEndProject(
            backEnd.url,
            settings: """
                authentication:
                  oauth2: {tokenUrl: \(backEnd.url)/token, clientId: "a:b", clientSecret: "${SECRET}", scope: "x y"}
                """,
            transactions: "create: {method: POST, path: /orders, json: {}}"
        )
        async let first = project.call("create")
        async let second = project.call("create")
        _ = (try await first.get(), try await second.get())
        let asked = { backEnd.received.filter { $0.target == "/token" } }
        #expect(asked().count == 1)
        #expect(asked().first?.body == "grant_type=client_credentials&scope=x%20y")
        let credentials = Data("a%3Ab:s3cret".utf8).base64EncodedString()
        #expect(asked().first?.headers["authorization"] == "Basic \(credentials)")
        valid.withLock { $0 = 2 }
        _ = try await project.call("create").get()
        #expect(asked().count == 2)
        await project.close()
        await backEnd.stop()
    }

    /// A project whose connector has its token from the back end itself.
    private func project(at backEnd: BackEnd, _ transactions: String) throws -> HTTPBackEndProject {
        try HTTPBackEndProject(
            backEnd.url,
            settings: """
                authentication:
                  oauth2: {tokenUrl: \(backEnd.url)/t, clientId: a, clientSecret: "${SECRET}"}
                """,
            transactions: transactions
        )
    }

    @Test func `a server that gives out no token says so`() async throws {
        let backEnd = try await BackEnd.start { _ in [.answer(400, #"{"error":"invalid_client"}"#)] }
        let project = try self.project(at: backEnd, "read: {path: /}")
        let failure = try #require(project.reason(of: await project.call("read")))
        #expect(failure.code == "oauth2_failed")
        #expect(failure.details["error"] == "invalid_client")
        #expect(!failure.message.contains("s3cret"))
        await project.close()
        await backEnd.stop()
    }

    @Test func `while no token is to be had, nothing has happened`() async throws {
        let backEnd = try await BackEnd.start { _ in [.hang] }
        let project = try self.project(at: backEnd, "create: {method: POST, path: /, json: {}, timeout: 300ms}")
        let failure = try #require(project.reason(of: await project.call("create")))
        #expect(failure.code == "connect_failed" && failure.effect == .none)
        #expect(backEnd.received.allSatisfy { $0.target == "/t" })
        await project.close()
        await backEnd.stop()
    }

    @Test(.timeLimit(.minutes(10)))
    func `each waits for a common request as long as it may itself, and the request goes on`() async throws {
        let asking = try CommonRequest()
        // The one that asks, one that has no more time than that, and one that is cancelled.
        await #expect(throws: ExchangeFailure.timeout) { try await asking.token(.milliseconds(20)) }
        await #expect(throws: ExchangeFailure.timeout) { try await asking.token(.milliseconds(20)) }
        let cancelled = Task { try await asking.token(.seconds(3_600)) }
        cancelled.cancel()
        await #expect(throws: ExchangeFailure.cancelled) { try await cancelled.value }
        let patient = Task { try await asking.token(.seconds(3_600)) }
        await asking.answer(#"{"access_token":"t"}"#)
        #expect(try await patient.value.text == "t")
        #expect(try await asking.token(.seconds(3_600)).wasKept)
        #expect(asking.count == 1)
    }

    @Test func `the client's credentials go into the body where the connector says so`() async throws {
        let backEnd = try await BackEnd.start { _ in [.answer(200, #"{"access_token":"t","token_type":"BEARER"}"#)] }
        let project = try HTTPBackEndProject(
            backEnd.url,
            settings: """
                authentication:
                  oauth2:
                    tokenUrl: \(backEnd.url)
                    clientId: "a b&c"
                    clientSecret: "${SECRET}"
                    parameters: {audience: "https://erp/?a=1"}
                    inBody: true
                """,
            transactions: "read: {path: /items}"
        )
        _ = try await project.call("read").get()
        let asked = try #require(backEnd.received.first)
        #expect(asked.method == "POST" && asked.target == "/")
        #expect(asked.headers["authorization"] == nil)
        #expect(asked.headers["content-type"] == "application/x-www-form-urlencoded")
        #expect(
            asked.body == "grant_type=client_credentials&audience=https%3A%2F%2Ferp%2F%3Fa%3D1"
                + "&client_id=a%20b%26c&client_secret=s3cret"
        )
        #expect(backEnd.received.last?.headers["authorization"] == "Bearer t")
        await project.close()
        await backEnd.stop()
    }

    @Test(arguments: ["0", "\"0\"", "-5"])
    func `a token whose time is over is asked for again, before the back end sees it`(life: String) async throws {
        let count = Mutex(0)
        let backEnd = try await BackEnd.start { request in
            guard request.target == "/token" else {
                let number = count.withLock(\.self)
                return [.answer(request.headers["authorization"] == "Bearer t\(number)" ? 200 : 401, "{}")]
            }
            let number = count.withLock { count in
                count += 1
                return count
            }
            let life = number < 3 ? life : "3600"
            return [.answer(200, #"{"access_token":"t\#(number)","token_type":"Bearer","expires_in":\#(life)}"#)]
        }
        let project = try client(of: backEnd)
        for _ in 0..<5 { _ = try await project.call("create").get() }
        #expect(count.withLock(\.self) == 3)
        // No request was refused on the way.
        #expect(backEnd.received.count == 8)
        await project.close()
        await backEnd.stop()
    }

    @Test func `a new token that is refused, too, is the back end's answer`() async throws {
        let backEnd = try await BackEnd.start { request in
            request.target == "/token"
                ? [.answer(200, #"{"access_token":"t","token_type":"Bearer"}"#)]
                : [.answer(401, #"{"error":"locked"}"#)]
        }
        let project = try client(of: backEnd)
        // The first token is new, and the second call's is kept: it is renewed once.
        for (call, tokens, orders) in [(1, 1, 1), (2, 2, 3)] {
            let failure = try #require(project.reason(of: await project.call("create")))
            #expect(failure.code == "http_status" && failure.details["status"] == 401 && failure.effect == .none)
            #expect(backEnd.received.count { $0.target == "/token" } == tokens, "call \(call)")
            #expect(backEnd.received.count { $0.target == "/orders" } == orders, "call \(call)")
        }
        await project.close()
        await backEnd.stop()
    }

    /// What a token server may answer, and what is told.
    static let answers: [(reactions: [BackEnd.Reaction], code: String, words: String)] = [
        ([.answer(200, "<html>welcome</html>")], "oauth2_failed", "has no token in it"),
        ([.answer(200, "{}")], "oauth2_failed", "has no token in it"),
        ([.answer(200, #"{"access_token":7}"#)], "oauth2_failed", "has no token in it"),
        ([.answer(200, #"{"access_token":"a\r\nX: y"}"#)], "oauth2_failed", "has no token in it"),
        ([.answer(200, #"{"access_token":"a","token_type":"mac"}"#)], "oauth2_failed", "another type than Bearer"),
        ([.answer(302, "", headers: ["Location: /login"])], "oauth2_failed", "(status 302)"),
        ([.answer(503, "")], "connect_failed", "the token server answered with status 503"),
        ([.answer(429, "")], "connect_failed", "the token server answered with status 429"),
        ([.close], "connect_failed", "the connection to the token server broke"),
        ([.send("220 smtp\r\n"), .close], "connect_failed", "the connection to the token server broke"),
        (
            [.send("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"), .hang], "oauth2_failed",
            "answers too much"
        ),
    ]

    @Test(arguments: answers)
    func `what is no token is told as such, and the back end is not asked`(
        _ reactions: [BackEnd.Reaction],
        _ code: String,
        _ words: String
    ) async throws {
        let backEnd = try await BackEnd.start { _ in reactions }
        let project = try client(of: backEnd)
        let failure = try #require(project.reason(of: await project.call("create")))
        #expect(failure.code == code)
        #expect(failure.message.contains(words), "\(failure.message)")
        #expect(failure.effect == .none)
        #expect(backEnd.received.allSatisfy { $0.target == "/token" })
        await project.close()
        await backEnd.stop()
    }

    @Test func `a token server that is away is told as such, and asked again by the next call`() async throws {
        let backEnd = try await BackEnd.start { request in
            request.target == "/token" ? [.answer(200, #"{"access_token":"t"}"#)] : [.answer(200, "{}")]
        }
        let refusing = try RefusingPort()
        let project = try client(of: backEnd, tokensAt: refusing.http)
        let failure = try #require(project.reason(of: await project.call("create")))
        #expect(failure.code == "connect_failed" && failure.effect == .none)
        #expect(backEnd.received.isEmpty)
        await project.close()
        await backEnd.stop()
    }

    private func client(of backEnd: BackEnd, tokensAt url: String? = nil) throws -> HTTPBackEndProject {
        try HTTPBackEndProject(
            backEnd.url,
            settings: """
                authentication:
                  oauth2: {tokenUrl: \(url ?? backEnd.url)/token, clientId: a, clientSecret: "${SECRET}"}
                """,
            transactions: "create: {method: POST, path: /orders, json: {}}"
        )
    }

    @Test func `behind a proxy the token's host is the proxy's to look up, too`() async throws {
        let proxy = try await BackEnd.start { request in
            switch request.method {
            case "CONNECT": [.send("HTTP/1.1 200 OK\r\n\r\n")]
            case "POST": [.answer(200, #"{"access_token":"t","token_type":"Bearer"}"#)]
            default: [.answer(200, "{}")]
            }
        }
        let project = try HTTPBackEndProject(
            "http://erp.internal.example:8080/api",
            settings: """
                proxy: {host: 127.0.0.1, port: \(proxy.port)}
                authentication:
                  oauth2: {tokenUrl: http://tokens.internal.example/t, clientId: a, clientSecret: "${SECRET}"}
                """,
            transactions: "read: {path: /items}"
        )
        _ = try await project.call("read").get()
        #expect(proxy.received.last?.headers["authorization"] == "Bearer t")
        await project.close()
        await proxy.stop()
    }
}

/// A token of one client that many ask for, whose server answers when it is told to.
private final class CommonRequest: Sendable {
    private let tokens = OAuth2Tokens()
    private let name = ConnectorName(project: "shop", connector: "erp")
    private let client: OAuth2Client
    private let asked = AsyncStream.makeStream(of: Void.self)
    private let answers = AsyncStream.makeStream(of: RawAnswer.self)
    private let requests = Mutex(0)

    init() throws {
        client = OAuth2Client(
            tokenURL: try BaseURL("https://tokens.example/t"),
            id: "a",
            secret: "s",
            scope: nil,
            parameters: [],
            isInBody: false
        )
    }

    /// How many requests there were.
    var count: Int { requests.withLock(\.self) }

    func token(_ time: Duration) async throws -> OAuth2Tokens.Token {
        try await tokens.token(for: client, of: name, until: .now + time) { [self] _, _ throws(ExchangeFailure) in
            requests.withLock { $0 += 1 }
            asked.continuation.yield()
            for await answer in answers.stream { return answer }
            throw .cancelled
        }
    }

    /// Answers, once there was a request.
    func answer(_ body: String) async {
        for await _ in asked.stream { break }
        answers.continuation.yield(RawAnswer(status: 200, headers: [:], body: Array(body.utf8)))
    }
}
