import Contracts
import Logging
import Messaging
import TestMessaging
import TestSupport
import Testing

@Suite(.virtualHost, .timeLimit(.minutes(10))) struct ConnectionErrorTests {
    private static let secret = "s3cret-Passw0rd"

    /// The error of a broker that cannot connect, after a look at everything that was said.
    private func failure(_ url: String, within limit: Duration = .seconds(60)) async throws -> MessagingError {
        let lines = Collector<String>()
        var impatient = try configuration(url)
        impatient.connectTimeout = limit
        let broker = MessageBroker(
            impatient,
            topology: Topology(),
            logger: Logger(label: "test") { _ in CollectingLogHandler(lines: lines) }
        )
        let run = Task { try await broker.run() }
        for await state in broker.states {
            if case .disconnected(.some) = state { break }
        }
        let error = await #expect(throws: MessagingError.self) {
            try await broker.waitUntilConnected(within: .milliseconds(10))
        }
        await lines.wait { $0.contains { $0.contains("connection lost or not made") } }
        run.cancel()
        try await run.value
        let said = lines.elements + ["\(impatient)", String(reflecting: impatient), "\(broker)"]
        #expect(said.allSatisfy { !$0.contains(Self.secret) })
        let result = try #require(error)
        #expect(!"\(result)".contains(Self.secret) && !String(reflecting: result).contains(Self.secret))
        return result
    }

    /// The error that a broker itself answers, which gives a handshake ten seconds and then ends it without a word.
    private func answer(_ url: String) async throws -> MessagingError {
        var error = try await failure(url)
        for _ in 0..<20 {
            guard case .connectionFailed = error else { break }
            error = try await failure(url)
        }
        return error
    }

    @Test func `a wrong password is refused without being shown`() async throws {
        let error = try await answer(TestServer.url(password: Self.secret))
        guard case .accessRefused(let text) = error else {
            Issue.record("unexpected: \(error)")
            return
        }
        #expect(text.contains("ACCESS_REFUSED"))
    }

    @Test func `an unknown virtual host is refused by its name`() async throws {
        let error = try await answer(TestServer.url(virtualHost: "nobody-made-it"))
        guard case .accessRefused(let text) = error else {
            Issue.record("unexpected: \(error)")
            return
        }
        #expect(text.contains("nobody-made-it"))
    }

    @Test func `a port without a broker and a host without an address are told apart`() async throws {
        let refusing = try RefusingPort()
        let closed = try await failure("amqp://user:\(Self.secret)@127.0.0.1:\(refusing.port)")
        let unknown = try await failure("amqp://user:\(Self.secret)@no-such-host.invalid")
        guard case .connectionFailed(let first) = closed, case .connectionFailed(let second) = unknown else {
            Issue.record("\(closed) \(unknown)")
            return
        }
        #expect(first.hasPrefix("amqp://127.0.0.1:\(refusing.port): "))
        #expect(second.hasPrefix("amqp://no-such-host.invalid:5672: "))
        #expect(first != second)
    }

    @Test func `a peer that accepts and says nothing is given up`() async throws {
        try await withProxy { proxy, url in
            proxy.hang()
            let error = try await failure(url, within: .seconds(1))
            guard case .connectionFailed = error else {
                Issue.record("unexpected: \(error)")
                return
            }
        }
    }

    @Test(.needsPrivateBroker) func `TLS carries messages when the authority is trusted`() async throws {
        let names = Names()
        let url = try await TestServers.secureAMQP()
        let body = [UInt8](repeating: 42, count: 3_000_000)
        let received = try await withBroker(names.work(), configuration(url)) { broker in
            try await broker.warmUp(names)
            try await broker.publishAll((0..<300).map(names.message))
            try await broker.publish(OutgoingMessage(exchange: "", routingKey: names.queue, body: body))
            return try await broker.take(301, from: names.queue, prefetch: 100, concurrency: 1)
        }
        #expect(received.last?.body == body)
    }

    @Test(.needsPrivateBroker) func `TLS is refused when authority or host are not the right ones`() async throws {
        let url = try await TestServers.secureAMQP()
        let withoutAuthority = try #require(url.split(separator: "?").first)
        let untrusted = try await failure(String(withoutAuthority))
        let otherHost = try await failure(url.replacing("localhost", with: "127.0.0.1"))
        for error in [untrusted, otherHost] {
            guard case .connectionFailed = error else {
                Issue.record("unexpected: \(error)")
                return
            }
        }
        #expect(untrusted != otherHost)
        try await withBroker(Topology(), configuration("\(withoutAuthority)?verify=verify_none")) { broker in
            try await broker.ping(within: .seconds(100))
        }
        let missing = try await failure("\(withoutAuthority)?cacertfile=/nowhere/ca.pem")
        #expect(
            missing == .invalidConfiguration("cannot read certificate authorities from '/nowhere/ca.pem'")
        )
    }
}

/// Keeps every line with its metadata.
private struct CollectingLogHandler: LogHandler {
    let lines: Collector<String>
    var logLevel = Logger.Level.trace
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.append("\(event.message) \(metadata) \(event.metadata ?? [:])")
    }
}
