import Contracts
import TestSupport
import Testing

@testable import Messaging

@Suite struct ConfigurationTests {
    @Test func `a URL is taken apart`() throws {
        let plain = try BrokerAddress(url: "amqp://u%40x:p%2F%3aw@broker:1234/my%2Fhost")
        #expect(plain.user == "u@x" && plain.password == "p/:w")
        #expect(plain.host == "broker" && plain.port == 1_234)
        #expect(plain.virtualHost == "my/host" && plain.tls == nil)

        let least = try BrokerAddress(url: "amqp://broker")
        #expect(least.user == "guest" && least.password == "guest")
        #expect(least.port == 5_672 && least.virtualHost == "/")
        #expect(try BrokerAddress(url: "amqp://broker/").virtualHost == "/")
        #expect(try BrokerAddress(url: "amqp://a:b@[::1]:99/%2f").host == "::1")

        let secure = try BrokerAddress(
            url: "amqps://broker?cacertfile=/a%20b.pem&certfile=c&keyfile=k&verify=verify_none"
        )
        #expect(secure.port == 5_671)
        #expect(secure.tls?.authoritiesFile == "/a b.pem" && secure.tls?.verifiesPeer == false)
        #expect(secure.tls?.certificateFile == "c" && secure.tls?.keyFile == "k")
    }

    @Test(arguments: [
        ("", "amqp://"), ("http://x", "amqp://"), ("amqp://", "host"), ("amqp://u:SECRET@", "host"),
        ("amqp://u:SECRET@h:x", "port"), ("amqp://u:SECRET@h:0", "port"), ("amqp://u:SECRET@h:65536", "port"),
        ("amqp://u:SECRET%zz@h", "password"), ("amqp://u:SECRET%00@h", "password"), ("amqp://u%f:SECRET@h", "user"),
        ("amqp://u:SECRET@h/a/b", "slash"), ("amqp://u:SECRET#@h", "fragment"), ("amqp://u:SECRET@[::1", "bracket"),
        ("amqp://u:SECRET@[::1]x", "between"), ("amqp://u:SECRET@h?verify=verify_peer", "amqps"),
        ("amqps://u:SECRET@h?verify=maybe", "verify_none"), ("amqps://u:SECRET@h?certfile=c", "keyfile"),
        ("amqps://u:SECRET@h?SECRET=c", "parameter"), ("amqp://u:SECRET%ff@h", "not text"),
    ])
    func `a wrong URL says what is wrong and shows no secret`(url: String, word: String) {
        let error = #expect(throws: MessagingError.self) { try MessagingConfiguration(url: url) }
        let text = error.map(String.init(describing:)) ?? ""
        #expect(text.contains(word))
        #expect(!text.contains("SECRET"))
    }

    @Test func `nothing that describes a configuration shows user or password`() throws {
        let configuration = try MessagingConfiguration(url: "amqp://USER:SECRET@broker/v")
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped] {
            #expect(text.contains("broker") && !text.contains("SECRET") && !text.contains("USER"))
        }
    }

    @Test func `numbers that make no sense are refused`() throws {
        let changes: [(inout MessagingConfiguration) -> Void] = [
            { $0.heartbeat = .zero }, { $0.heartbeat = .milliseconds(500) }, { $0.heartbeat = .seconds(3_601) },
            { $0.connectTimeout = .zero }, { $0.confirmTimeout = .seconds(-1) }, { $0.maximumUnconfirmed = 0 },
            { $0.maximumMessageSize = 0 }, { $0.reconnectDelay = .seconds(60) },
            { $0.handlerGracePeriod = .seconds(-1) },
            { $0.connectionName = String(repeating: "n", count: 256) },
        ]
        for change in changes {
            var configuration = try MessagingConfiguration(url: "amqp://broker")
            try configuration.validate()
            change(&configuration)
            #expect(throws: MessagingError.self) { try configuration.validate() }
        }
    }

    @Test func `a message out of bounds is refused with its reason`() throws {
        let long = String(repeating: "x", count: 256)
        var nested = HeaderValue.int(1)
        for _ in 0..<16 { nested = .array([nested]) }
        let wrong: [(String, (inout OutgoingMessage) -> Void)] = [
            ("body", { $0.body = [1, 2, 3] }), ("exchange", { $0.exchange = long }),
            ("routing key", { $0.routingKey = long }), ("content type", { $0.contentType = long }),
            ("message id", { $0.messageID = long }), ("correlation id", { $0.correlationID = long }),
            ("reply-to", { $0.replyTo = long }), ("expiration", { $0.expiration = .seconds(-1) }),
            ("expiration", { $0.expiration = .seconds(400 * 86_400) }), ("name", { $0.headers = [long: 1] }),
            ("bytes", { $0.headers = ["x": .bytes(Array(repeating: 0, count: 66_000))] }),
            ("values", { $0.headers = ["x": .array(Array(repeating: .null, count: 1_025))] }),
            ("nested", { $0.headers = ["x": nested] }),
        ]
        for (word, change) in wrong {
            var message = OutgoingMessage(exchange: "", routingKey: "", body: [1, 2])
            try message.validate(maximumSize: 2)
            change(&message)
            let error = #expect(throws: MessagingError.self) { try message.validate(maximumSize: 2) }
            #expect(error.map { "\($0)".contains(word) } == true)
        }
    }

    @Test func `queues are declared so that nothing is lost`() {
        let work = QueueDeclaration(Queue("q", .work(deliveryLimit: 5, deadLetterQueue: "d")))
        #expect(work.isDurable && !work.isExclusive && !work.isAutoDelete)
        #expect(
            work.arguments == [
                "x-queue-type": "quorum", "x-delivery-limit": 5, "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": "d", "x-dead-letter-strategy": "at-least-once",
                "x-overflow": "reject-publish",
            ]
        )
        let last = QueueDeclaration(Queue("d", .work(deliveryLimit: 5, deadLetterQueue: nil)))
        #expect(last.arguments["x-delivery-limit"] == .int(2_147_483_647))
        let own = QueueDeclaration(Queue("o", .ofConnection(maxLength: 9)))
        #expect(!own.isDurable && own.isExclusive && own.isAutoDelete)
        #expect(own.arguments == ["x-max-length": 9])
    }

    @Test func `pauses double up to their maximum and are never all the same`() {
        var generator = SeededGenerator(seed: 1)
        var backoff = Backoff(first: .seconds(1), maximum: .seconds(10))
        var pauses = (0..<8).map { _ in backoff.pause(using: &generator) }
        for (pause, whole) in zip(pauses, [1, 2, 4, 8, 10, 10, 10, 10]) {
            #expect(pause >= .seconds(whole) / 2 && pause <= .seconds(whole))
        }
        #expect(Set(pauses).count == pauses.count)
        backoff.reset()
        pauses = [backoff.pause(using: &generator)]
        #expect(pauses[0] <= .seconds(1))
    }
}
