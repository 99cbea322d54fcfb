import Foundation
import JSON
import Testing

@testable import BackEndConnector
@testable import Projects

/// What is said to a mail server, reply by reply.
@Suite struct SMTPConversationTests {
    private func conversation(
        _ account: SMTPAccount? = nil,
        needsStartTLS: Bool = false,
        text: String = "x"
    ) throws -> SMTPConversation {
        let message = try MailMessage(
            ["to": ["a@b.c", "d@e.f"], "text": .string(text)],
            sender: MailAddress("s@b.c"),
            id: "k",
            date: .now,
            limit: 1_000_000
        )
        return SMTPConversation(
            message,
            account: account,
            clientName: "here",
            needsStartTLS: needsStartTLS,
            isSecure: false
        )
    }

    private func said(_ action: SMTPConversation.Action) -> String {
        guard case .send(let bytes) = action else { return "\(action)" }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func reply(_ code: Int, _ lines: String...) -> SMTPReply { SMTPReply(code: code, lines: lines) }

    @Test func `a mail without a login`() throws {
        var talk = try conversation()
        #expect(said(try talk.next(reply(220, "hi"))) == "EHLO here\r\n")
        let size = talk.message.text.count
        #expect(said(try talk.next(reply(250, "there", "SIZE 100000"))) == "MAIL FROM:<s@b.c> SIZE=\(size)\r\n")
        #expect(said(try talk.next(reply(250))) == "RCPT TO:<a@b.c>\r\n")
        #expect(said(try talk.next(reply(250))) == "RCPT TO:<d@e.f>\r\n")
        #expect(said(try talk.next(reply(251))) == "DATA\r\n")
        #expect(!talk.isOutcomeUnknown)
        #expect(said(try talk.next(reply(354))).hasSuffix("\r\n.\r\n"))
        #expect(talk.isOutcomeUnknown)
        #expect(try talk.next(reply(250)) == .end(farewell: Array("QUIT\r\n".utf8)))
        #expect(!talk.isOutcomeUnknown)
        #expect(throws: SMTPFailure.self) { try talk.next(reply(250)) }
    }

    @Test func `TLS begins before anything is told, and what was offered before counts no more`() throws {
        let account = SMTPAccount(user: "u", password: "p")
        var talk = try conversation(account, needsStartTLS: true)
        _ = try talk.next(reply(220))
        #expect(said(try talk.next(reply(250, "x", "STARTTLS", "AUTH PLAIN"))) == "STARTTLS\r\n")
        #expect(try talk.next(reply(220)) == .secure)
        #expect(said(talk.secured()) == "EHLO here\r\n")
        #expect(throws: SMTPFailure.self) { try talk.next(reply(250, "x")) }
        var plain = try conversation(account, needsStartTLS: true)
        _ = try plain.next(reply(220))
        #expect(throws: SMTPFailure.self) { try plain.next(reply(250, "x", "AUTH PLAIN")) }
    }

    @Test func `a login by the way that the server offers`() throws {
        let account = SMTPAccount(user: "u", password: "p")
        var plain = try conversation(account)
        _ = try plain.next(reply(220))
        #expect(said(try plain.next(reply(250, "x", "AUTH LOGIN PLAIN"))) == "AUTH PLAIN AHUAcA==\r\n")
        #expect(said(try plain.next(reply(235))).hasPrefix("MAIL FROM"))
        var login = try conversation(account)
        _ = try login.next(reply(220))
        #expect(said(try login.next(reply(250, "x", "AUTH LOGIN"))) == "AUTH LOGIN\r\n")
        #expect(said(try login.next(reply(334))) == "dQ==\r\n")
        #expect(said(try login.next(reply(334))) == "cA==\r\n")
        #expect(said(try login.next(reply(235))).hasPrefix("MAIL FROM"))
        var refused = try conversation(account)
        _ = try refused.next(reply(220))
        _ = try refused.next(reply(250, "x", "AUTH PLAIN"))
        #expect(throws: SMTPFailure.loginRefused(reply(535, "no"))) { try refused.next(reply(535, "no")) }
    }

    @Test(arguments: [0, 1, 2, 3, 5])
    func `a refusal ends it at any point`(place: Int) throws {
        var talk = try conversation()
        for code in [220, 250, 250, 250, 250, 354].prefix(place) { _ = try talk.next(reply(code, "x")) }
        guard place == 3 else {
            #expect(throws: SMTPFailure.self) { try talk.next(reply(554, "no")) }
            return
        }
        // All are asked for, so that all who are refused are known.
        _ = try talk.next(reply(550, "no"))
        #expect(throws: SMTPFailure.recipientsRefused(["a@b.c": reply(550, "no")])) { try talk.next(reply(250)) }
    }

    @Test func `replies are read from any pieces, and what is none is refused`() throws {
        var reader = SMTPReplyReader()
        var replies: [SMTPReply] = []
        for byte in "220-one\r\n220 two\n250\r\n".utf8 {
            if let reply = try reader.append(byte) { replies.append(reply) }
        }
        #expect(replies == [reply(220, "one", "two"), reply(250, "")])
        #expect(!reader.isInReply)
        for text in ["hello\r\n", "99 x\r\n", "220-a\r\n250 b\r\n", String(repeating: "2", count: 5_000) + "\n"] {
            var reader = SMTPReplyReader()
            #expect(throws: SMTPFailure.self, "\(text.prefix(20))") {
                for byte in text.utf8 { _ = try reader.append(byte) }
            }
        }
        var endless = SMTPReplyReader()
        #expect(throws: SMTPFailure.self) {
            for _ in 0..<1_000 { for byte in "220-x\r\n".utf8 { _ = try endless.append(byte) } }
        }
    }
}
