import Contracts
import Foundation
import JSON
import TestBackEnd
import TestSupport
import Testing

@testable import BackEndConnector
@testable import Projects

/// Mails through a real server.
@Suite(.timeLimit(.minutes(10))) struct SMTPCallerTests {
    private struct Office {
        let server: TestMailServer
        private let connector: SMTPConnector
        private let caller: SMTPCaller

        init(_ manner: TestMailServer.Manner, changing change: (inout SMTPConnector) -> Void = { _ in }) async throws {
            server = try await TestMailServer.start(manner)
            let isSecure = manner != .plain
            var connector = SMTPConnector(
                host: "localhost",
                port: server.port,
                security: ConnectionSecurity(
                    mode: isSecure ? .verify : .none,
                    certificateAuthority: isSecure ? server.authority : nil
                ),
                startsTLS: manner == .startTLS,
                account: manner == .startTLS ? SMTPAccount(user: server.user, password: server.password) : nil,
                sender: MailAddress("Shop <shop@example.com>"),
                timeout: .seconds(30),
                mailLimit: 10 << 20,
                concurrency: 2,
                addresses: AddressRules([.reach(.loopback)])
            )
            change(&connector)
            self.connector = connector
            let policy = CircuitBreaker.Policy(failures: 100, pause: .seconds(1))
            caller = SMTPCaller(
                lanes: ConnectorLanes(policy: policy, places: 128),
                addresses: .forTests()
            )
        }

        func send(_ variables: JSONObject, key: String = "run-1/3") async throws -> JSONValue {
            try await caller.run(
                BackEndCall(
                    name: ConnectorName(project: "shop", connector: "mail"),
                    connector: connector,
                    transaction: SMTPTransaction(),
                    variables: variables,
                    idempotencyKey: key,
                    session: nil,
                    deadline: .now + .seconds(30)
                )
            )
        }

        func failure(of variables: JSONObject) async throws -> Failure {
            try #require(await #expect(throws: Failure.self) { try await send(variables) })
        }
    }

    private static let plain: JSONObject = ["to": "ann@example.com", "subject": "S", "text": ".\n..\nend."]

    @Test(arguments: [TestMailServer.Manner.startTLS, .tls, .plain])
    func `a mail arrives as it was written`(manner: TestMailServer.Manner) async throws {
        let office = try await Office(manner)
        let answer = try await office.send([
            "to": ["ann@example.com"], "bcc": "bob@example.com", "subject": "Größe", "text": ".\n..\nend.",
            "html": "<p>.</p>",
        ])
        #expect(answer["recipients"] == ["ann@example.com", "bob@example.com"])
        #expect(answer["reply"]?.stringValue?.hasPrefix("kept as") == true)
        let mail = try #require(try office.server.mails().first)
        #expect(mail.hasPrefix("MAIL FROM:shop@example.com\nRCPT TO:ann@example.com,bob@example.com\n"))
        #expect(mail.contains("Message-ID: <\(answer["messageID"]?.stringValue ?? "")>"))
        #expect(mail.contains(Data(".\r\n..\r\nend.".utf8).base64EncodedString()))
    }

    @Test func `every attempt at a mail has one message id, and another mail another one`() async throws {
        let office = try await Office(.plain)
        let first = try await office.send(Self.plain)["messageID"]
        #expect(try await office.send(Self.plain)["messageID"] == first)
        #expect(try await office.send(Self.plain, key: "run-1/4")["messageID"] != first)
    }

    @Test func `when one of them is refused nobody gets the mail`() async throws {
        let office = try await Office(.plain)
        var variables = Self.plain
        variables["to"] = ["ann@example.com", .string(TestMailServer.unknown)]
        let failure = try await office.failure(of: variables)
        #expect(failure.code == "mail_recipients_refused" && failure.effect == .none)
        #expect(failure.details["recipients"]?[TestMailServer.unknown]?["code"] == 550)
        #expect(try office.server.mails().isEmpty)
    }

    @Test func `a mail that the server does not want is refused for certain`() async throws {
        let office = try await Office(.plain)
        var variables = Self.plain
        variables["headers"] = ["X-Refuse": "yes"]
        let failure = try await office.failure(of: variables)
        #expect(failure.code == "mail_refused" && failure.effect == .none)
        #expect(failure.details["code"] == 554)
    }

    @Test func `a mail whose fate the server tells badly may have been taken`() async throws {
        let office = try await Office(.plain)
        var variables = Self.plain
        variables["headers"] = ["X-Garble": "yes"]
        let failure = try await office.failure(of: variables)
        #expect(failure.code == "connection_lost" && failure.effect == .unknown)
        #expect(try office.server.mails().count == 1)
    }

    @Test func `a server that says nothing at all is not there`() async throws {
        let silent = try await BackEnd.start { _ in [.hang] }
        let office = try await Office(.plain) {
            $0.port = silent.port
            $0.timeout = .milliseconds(300)
        }
        let failure = try await office.failure(of: Self.plain)
        #expect(failure.code == "connect_failed" && failure.effect == .none)
        await silent.stop()
    }

    @Test func `a server that does not take the password says so`() async throws {
        let office = try await Office(.startTLS) { $0.account = SMTPAccount(user: "shop", password: "wrong") }
        let failure = try await office.failure(of: Self.plain)
        #expect(failure.code == "mail_login_refused" && failure.effect == .none)
        #expect(!"\(failure)".contains("wrong"))
    }

    @Test func `no password and no mail goes to a server that proves nothing`() async throws {
        let stranger = try await Office(.startTLS) { $0.security.certificateAuthority = nil }
        #expect(try await stranger.failure(of: Self.plain).code == "connect_failed")
        // A server without STARTTLS, or somebody between who hides it.
        let stripped = try await Office(.plain) {
            $0.startsTLS = true
            $0.security.mode = .verify
            $0.account = SMTPAccount(user: "shop", password: "secret")
        }
        #expect(try await stripped.failure(of: Self.plain).code == "mail_not_offered")
        #expect(try stripped.server.mails().isEmpty)
    }

    @Test func `a mail that is too large, and an address that is not allowed, are not sent`() async throws {
        let office = try await Office(.plain)
        var variables = Self.plain
        variables["text"] = .string(String(repeating: "x", count: 1_200_000))
        #expect(try await office.failure(of: variables).code == "mail_not_offered")
        let closed = try await Office(.plain) { $0.addresses = .standard }
        #expect(try await closed.failure(of: Self.plain).code == "address_refused")
        let nobody = try await Office(.plain) { $0.port = 1 }
        #expect(try await nobody.failure(of: Self.plain).code == "connect_failed")
    }
}
