import Contracts
import Foundation
import JSON
import PrivateServers
import Synchronization
import TestBackEnd
import TestSupport
import Testing

/// What connectors keep between calls, in processes of which each may take the next call.
@Suite(.database, .virtualHost) struct ConnectorStateTests {
    @Test func `the cookies of a session are there in the next process, and in no other session`() async throws {
        let backEnd = try await BackEnd.start { request in
            guard request.target == "/login" else { return [.answer(200, "{}")] }
            let user = request.headers["x-user"] ?? ""
            return [
                .answer(200, "{}", headers: ["Set-Cookie: sid=\(user)-1; Path=/", "Set-Cookie: old=1; Path=/"])
            ]
        }
        let system = try await RunningConnector(
            backEnd: backEnd.url,
            connector: """
                type: http
                baseUrl: ${ERP_URL}
                addresses: [loopback]
                cookies: session
                transactions:
                  login: {path: /login, headers: {X-User: "{user}"}}
                  read: {path: /read}
                """
        )
        let first = try await system.start()
        let sessions = ["session-1", "session-2", "session-3"]
        for (session, user) in zip(sessions, ["ada", "bob"]) {
            _ = try await system.call("login", ["user": .string(user)], session: session).get()
        }
        #expect(await first.stop() == .code(0))
        let second = try await system.start()
        for (session, cookie) in [(sessions[0], "sid=ada-1; old=1"), (sessions[1], "sid=bob-1; old=1")] {
            _ = try await system.call("read", session: session).get()
            #expect(backEnd.received.last?.headers["cookie"] == cookie)
        }
        _ = try await system.call("read", session: sessions[2]).get()
        _ = try await system.call("read").get()
        #expect(backEnd.received.suffix(2).allSatisfy { $0.headers["cookie"] == nil })
        #expect(await second.stop() == .code(0))
        await system.stop()
        await backEnd.stop()
    }

    @Test func `neither tokens nor the client's secret are logged, whatever becomes of them`() async throws {
        let step = Mutex(0)
        let backEnd = try await BackEnd.start { request in
            let number = step.withLock { step in
                step += 1
                return step
            }
            guard request.target == "/token" else { return [.answer(number % 3 == 0 ? 401 : 200, "{}")] }
            switch number {
            case 1: return [.answer(400, #"{"error":"invalid_client"}"#)]
            case 2: return [.close]
            default: return [.answer(200, #"{"access_token":"canary-token","token_type":"Bearer"}"#)]
            }
        }
        let system = try await RunningConnector(
            backEnd: backEnd.url,
            connector: """
                type: http
                baseUrl: ${ERP_URL}
                addresses: [loopback]
                authentication:
                  oauth2: {tokenUrl: "${ERP_URL}/token", clientId: ada, clientSecret: "${ERP_TOKEN}"}
                transactions:
                  create: {method: POST, path: /orders, json: {}}
                  read: {path: /items}
                """
        )
        let service = try await system.start(["FULLSYNC_LOG_LEVEL": "trace"])
        for _ in 0..<6 {
            guard case .failure(let failure) = try await system.call("create") else { continue }
            let text = "\(failure.message) \(failure.details)"
            #expect(!text.contains("canary-token") && !text.contains("token-of-erp"))
        }
        #expect(backEnd.received.contains { $0.headers["authorization"] == "Bearer canary-token" })
        #expect(await service.stop() == .code(0))
        #expect(!service.output.isEmpty)
        var secrets = ["canary-token", "token-of-erp"]
        for address in [try TestDatabase.address, try TestVirtualHost.address] {
            secrets.append(try #require(URLComponents(string: address)?.password))
        }
        for secret in secrets { #expect(!service.output.contains(secret)) }
        await system.stop()
        await backEnd.stop()
    }

    @Test func `what breaks is asked for again where that is harmless, and else never`() async throws {
        let seen = Mutex<[String: Int]>([:])
        let backEnd = try await BackEnd.start { request in
            let count = seen.withLock { seen in
                seen[request.method, default: 0] += 1
                return seen[request.method] ?? 0
            }
            return count == 1 ? [.close] : [.answer(200, #"{"count":\#(count)}"#)]
        }
        let system = try await RunningConnector(backEnd: backEnd.url)
        let service = try await system.start()
        #expect(try await system.call("read").get()["body"] == ["count": 2])
        #expect(try await system.call("update", ["number": "1", "changes": [:]]).get()["body"] == ["count": 2])
        guard case .failure(let failure) = try await system.call("create") else {
            Issue.record("what may have happened was asked for again")
            return
        }
        #expect(failure.code == "connection_lost" && failure.effect == .unknown)
        #expect(seen.withLock(\.self) == ["GET": 2, "PATCH": 2, "POST": 1])
        let keys = backEnd.received.filter { $0.method == "PATCH" }.map { $0.headers["idempotency-key"] }
        #expect(keys == ["run/1", "run/1"])
        #expect(await service.stop() == .code(0))
        await system.stop()
        await backEnd.stop()
    }
}
