import Contracts
import JSON
import Projects
import Telemetry
import TestBackEnd
import TestSupport
import Testing

@testable import BackEndConnector

@Suite struct HTTPCallerTests {
    @Test func `an answer is status, headers and body, and the request is as the project says`() async throws {
        let (answer, requests) = try await run("update", ["number": "WO/1", "changes": ["a": [1]]]) { _ in
            [.answer(200, #"{"ok":true}"#, headers: ["X-One: 1", "x-one: 2"])]
        }
        #expect(
            try answer.get() == [
                "status": 200, "headers": ["content-length": "11", "x-one": "1, 2"], "body": ["ok": true],
            ]
        )
        let request = try #require(requests.first)
        #expect(request.method == "PATCH")
        #expect(request.target == "/work-orders/WO%2F1")
        #expect(request.body == #"{"a":[1]}"#)
        #expect(request.headers["authorization"] == "Bearer token-of-erp")
        #expect(request.headers["idempotency-key"] == "run/1.2")
        #expect(TraceContext(traceparent: request.headers["traceparent"] ?? "") != nil)
    }

    @Test func `the trace of the run goes on to the back end`() async throws {
        let trace = TraceContext.makeRoot()
        let (_, requests) = try await TraceContext.$current.withValue(trace) {
            try await run("read") { _ in [.answer(200, "{}")] }
        }
        let sent = try #require(TraceContext(traceparent: requests.first?.headers["traceparent"] ?? ""))
        #expect(sent.traceID == trace.traceID)
        #expect(sent != trace)
        #expect(requests.first?.headers["idempotency-key"] == nil)
    }

    @Test func `a status that is not accepted fails with its code and a part of the body`() async throws {
        let (answer, _) = try await run("create") { _ in [.answer(422, String(repeating: "x", count: 100_000))] }
        let failure = try #require(reason(of: answer))
        #expect(failure.code == "http_status")
        #expect(failure.effect == .none)
        #expect(failure.details["status"] == 422)
        #expect(failure.details["body"]?.stringValue?.count == 1_000)
        let (broken, requests) = try await run("create") { _ in [.answer(500, "")] }
        #expect(reason(of: broken)?.effect == .unknown)
        #expect(requests.count == 1)
    }

    @Test func `a redirect that is not followed may come after the work`() async throws {
        let (answer, _) = try await run("create") { _ in [.answer(303, "", headers: ["Location: /orders/1"])] }
        #expect(reason(of: answer)?.code == "http_status")
        #expect(reason(of: answer)?.effect == .unknown)
    }

    @Test func `nobody at the port is certain not to have happened`() async throws {
        let refusing = try RefusingPort()
        for transaction in ["read", "create"] {
            let failure = try #require(reason(of: await call(transaction, of: refusing.http)))
            #expect(failure.code == "connect_failed")
            #expect(failure.effect == .none)
        }
    }

    @Test func `a back end that hangs is a timeout, and nobody knows what happened`() async throws {
        let (answer, requests) = try await run("create", timeout: "10s") { _ in [.hang] }
        #expect(reason(of: answer)?.code == "timeout")
        #expect(reason(of: answer)?.effect == .unknown)
        #expect(requests.count == 1)
    }

    @Test func `one that hangs in the middle of its answer is a timeout as well`() async throws {
        let (answer, _) = try await run("read", timeout: "5s") { _ in
            [.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half"), .hang]
        }
        #expect(reason(of: answer)?.code == "timeout")
    }

    @Test func `one that closes early is asked again when that is harmless, and only then`() async throws {
        let (creation, once) = try await run("create") { _ in [.close] }
        #expect(reason(of: creation)?.code == "connection_lost")
        #expect(reason(of: creation)?.effect == .unknown)
        #expect(once.count == 1)
        let (update, thrice) = try await run("update", ["number": "1", "changes": [:]]) { _ in [.close] }
        #expect(reason(of: update)?.code == "connection_lost")
        #expect(thrice.count == 3)
        #expect(Set(thrice.map { $0.headers["idempotency-key"] }) == ["run/1.2"])
    }

    @Test func `one that lies about its length breaks the connection`() async throws {
        let (answer, _) = try await run("create") { _ in
            [.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"), .close]
        }
        #expect(reason(of: answer)?.code == "connection_lost")
        #expect(reason(of: answer)?.effect == .unknown)
    }

    @Test func `what is no HTTP breaks the connection`() async throws {
        let (answer, _) = try await run("create") { _ in [.send("220 mail.example.com ESMTP\r\n"), .close] }
        #expect(reason(of: answer)?.code == "connection_lost")
    }

    @Test(arguments: [true, false])
    func `too much is refused, whether it is said before or not`(isSaid: Bool) async throws {
        let body = "\"" + String(repeating: "x", count: 3_000) + "\""
        let (answer, _) = try await run("read") { _ in
            guard !isSaid else { return [.answer(200, body)] }
            let chunk = "\(String(body.utf8.count, radix: 16))\r\n\(body)\r\n"
            return [.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(chunk)"), .hang]
        }
        #expect(reason(of: answer)?.code == "response_too_large")
    }

    @Test func `invalid JSON is told as such`() async throws {
        let (answer, _) = try await run("read") { _ in [.answer(200, "<html>")] }
        #expect(reason(of: answer)?.code == "not_json")
        let (empty, _) = try await run("read") { _ in [.answer(204, "")] }
        #expect(try empty.get()["body"] == .null)
    }

    @Test func `redirects are followed with their limits`() async throws {
        let (answer, requests) = try await run("read") { request in
            request.target == "/items"
                ? [.answer(302, "", headers: ["Location: /elsewhere"])] : [.answer(200, #"{"at":"elsewhere"}"#)]
        }
        #expect(try answer.get()["body"] == ["at": "elsewhere"])
        #expect(requests.last?.headers["authorization"] == "Bearer token-of-erp")
        let (circle, _) = try await run("read") { _ in [.answer(302, "", headers: ["Location: /items"])] }
        #expect(reason(of: circle)?.code == "redirect_refused")
    }

    @Test func `another origin gets no credentials`() async throws {
        let other = try await BackEnd.start { _ in [.answer(200, "{}")] }
        let location = "Location: \(other.url)/x"
        let (answer, _) = try await run("read") { _ in [.answer(307, "", headers: [location])] }
        #expect(try answer.get()["status"] == 200)
        let headers = try #require(other.received.first?.headers)
        #expect(headers["authorization"] == nil)
        #expect(headers["x-client"] == nil)
        await other.stop()
    }

    @Test func `after failures in a row calls are refused, and one that is answered lets them through`() async throws {
        let backEnd = try await BackEnd.start { request in
            request.target == "/items" ? [.close] : [.answer(200, "{}")]
        }
        let caller = HTTPCaller.forTests(policy: .init(failures: 2, pause: .milliseconds(1)))
        for _ in 0..<2 { _ = await call("create", of: backEnd.url, caller: caller) }
        var codes: Set<String> = []
        // The pause is over at once; the probe fails, and the pause doubles until a call is surely within it.
        while !codes.contains("circuit_open") {
            codes.insert(reason(of: await call("create", of: backEnd.url, caller: caller))?.code ?? "")
        }
        let refused = await call("create", of: backEnd.url, caller: caller)
        if let failure = reason(of: refused), failure.code == "circuit_open" { #expect(failure.effect == .none) }
        try await eventually("a probe that is answered closes it") {
            (try? await call("update", ["number": "1", "changes": [:]], of: backEnd.url, caller: caller).get()) != nil
        }
        await caller.transports.close()
        await backEnd.stop()
    }

    @Test func `wrong variables fail before anything is sent`() async throws {
        let (answer, requests) = try await run("update", ["changes": [:]]) { _ in [.answer(200, "{}")] }
        #expect(reason(of: answer)?.code == "invalid_variable")
        #expect(reason(of: answer)?.effect == Failure.Effect.none)
        #expect(requests.isEmpty)
    }

    @Test func `what may happen once gets a connection of its own`() async throws {
        let backEnd = try await BackEnd.start { _ in [.answer(200, "{}")] }
        let caller = HTTPCaller.forTests()
        for _ in 0..<3 { _ = try await call("create", of: backEnd.url, caller: caller).get() }
        try await eventually("three connections were made") { backEnd.connectionCount == 3 }
        for _ in 0..<3 { _ = try await call("read", of: backEnd.url, caller: caller).get() }
        #expect(backEnd.connectionCount == 4)
        await caller.transports.close()
        await backEnd.stop()
    }
}

extension HTTPCallerTests {
    private func reason(of answer: Result<JSONValue, Failure>) -> Failure? {
        if case .failure(let failure) = answer { failure } else { nil }
    }

    /// Runs a transaction against a back end that reacts so, and gives back what it was asked.
    private func run(
        _ transaction: String,
        _ variables: JSONObject = [:],
        timeout: String = "10s",
        _ react: @escaping @Sendable (BackEnd.Received) -> [BackEnd.Reaction]
    ) async throws -> (Result<JSONValue, Failure>, [BackEnd.Received]) {
        let backEnd = try await BackEnd.start(react)
        let answer = await call(transaction, variables, of: backEnd.url, timeout: timeout)
        await backEnd.stop()
        return (answer, backEnd.received)
    }

    private func call(
        _ transaction: String,
        _ variables: JSONObject = [:],
        of url: String,
        timeout: String = "10s",
        caller shared: HTTPCaller? = nil
    ) async -> Result<JSONValue, Failure> {
        let caller = shared ?? HTTPCaller.forTests()
        do {
            let project = try ConnectorProject.read(url: url, timeout: timeout)
            guard case .http(let connector)? = project.connectors["erp"]?.kind,
                let transaction = connector.transactions[transaction]
            else { throw Failure(code: "test", message: "no such transaction") }
            let call = HTTPCaller.Call(
                name: ConnectorName(project: "p", connector: "erp"),
                connector: connector,
                transaction: transaction,
                variables: variables,
                idempotencyKey: "run/1.2",
                deadline: .now + .seconds(60)
            )
            let answer = try await caller.run(call)
            if shared == nil { await caller.transports.close() }
            return .success(answer)
        } catch {
            if shared == nil { await caller.transports.close() }
            return .failure(error as? Failure ?? Failure(code: "test", message: "\(error)"))
        }
    }
}

/// A project with one connector, for the tests.
enum ConnectorProject {
    static func files(timeout: String = "10s") -> [String: String] {
        [
            "project.yaml": """
            project: p
            symbols:
              ERP_URL: {description: where the back end answers}
              ERP_TOKEN: {secret: true}
            notifications:
              changed: pull
            """,
            "connectors/erp.yaml": """
            type: http
            baseUrl: ${ERP_URL}
            headers: {Accept: application/json, X-Client: full-sync}
            authentication: {bearer: "${ERP_TOKEN}"}
            timeout: \(timeout)
            responseLimit: 2048
            addresses: [loopback]
            transactions:
              read: {method: GET, path: /items}
              create: {method: POST, path: /items, json: {a: 1}}
              update:
                method: PATCH
                path: /work-orders/{number}
                json: "{changes}"
                idempotent: true
                variables: {number: {required: true}, changes: {type: object, required: true}}
            """,
            "sequences/pull.yaml": """
            variables: {ids: {type: string, multi: true}}
            steps:
              - callTransaction: erp.read
            """,
        ]
    }

    static func read(url: String, timeout: String = "10s") throws -> Project {
        try Project.read(files(timeout: timeout)) { $0 == "ERP_URL" ? url : "token-of-erp" }
    }
}
