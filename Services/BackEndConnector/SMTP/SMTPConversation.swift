import Foundation
import Projects

/// One mail's conversation with a server (RFC 5321), as replies come: says what is to be sent next.
///
///     greeting ─▶ hello ─▶ startTLS ─▶ hello ─▶ authentication ─▶ sender ─▶ recipients ─▶ data ─▶ content ─▶ over
///
/// The mail goes to all who shall get it or to nobody.
struct SMTPConversation: Sendable {
    enum Action: Hashable, Sendable {
        case send([UInt8])
        /// The connection is to be secured; then ``secured()`` goes on.
        case secure
        /// The mail is the server's; what is sent besides is a farewell.
        case end(farewell: [UInt8])
    }

    private enum State: Hashable {
        case greeting
        case hello
        case securing
        case plain
        /// How many of name and password are still to be sent.
        case login(left: Int)
        case sender
        case recipients(next: Int, refused: [String: SMTPReply])
        case data
        case content
        case over
    }

    let message: MailMessage
    let account: SMTPAccount?
    /// What this side calls itself.
    let clientName: String
    /// Whether TLS is to begin within the conversation.
    let needsStartTLS: Bool

    private var state = State.greeting
    private var isSecure: Bool
    private var extensions: [String: [String]] = [:]

    /// - Parameter isSecure: Whether the connection is secured already.
    init(_ message: MailMessage, account: SMTPAccount?, clientName: String, needsStartTLS: Bool, isSecure: Bool) {
        self.message = message
        self.account = account
        self.clientName = clientName
        self.needsStartTLS = needsStartTLS
        self.isSecure = isSecure
    }

    /// Whether the whole mail was sent and its fate is not known.
    var isOutcomeUnknown: Bool { state == .content }

    /// What is done when a reply has come.
    mutating func next(_ reply: SMTPReply) throws(SMTPFailure) -> Action {
        switch state {
        case .greeting:
            try expect(reply, "the connection")
            return hello()
        case .hello:
            try expect(reply, "EHLO")
            return try afterHello(reply)
        case .securing:
            try expect(reply, "STARTTLS")
            return .secure
        case .plain, .login(left: 0):
            guard reply.code == 235 else { throw .loginRefused(reply) }
            return sender()
        case .login(let left):
            guard reply.code == 334 else { throw .loginRefused(reply) }
            state = .login(left: left - 1)
            let word = left == 2 ? account?.user : account?.password
            return .send(Array((Data((word ?? "").utf8).base64EncodedString() + "\r\n").utf8))
        case .sender:
            try expect(reply, "MAIL FROM")
            state = .recipients(next: 0, refused: [:])
            return recipient(0)
        case .recipients(let number, var refused):
            if !reply.isPositive { refused[message.recipients[number].address] = reply }
            return try afterRecipient(number, refused)
        case .data:
            guard reply.code == 354 else { throw .refused(reply, to: "DATA") }
            state = .content
            return .send(Self.stuffed(message.text) + Array(".\r\n".utf8))
        case .content:
            // What asks for more says nothing of the mail's fate.
            guard !(300..<400 ~= reply.code) else { throw .noReply("a code that is none for a mail") }
            // It is refused as a whole: nobody gets it.
            state = .over
            try expect(reply, "the mail")
            return .end(farewell: Array("QUIT\r\n".utf8))
        case .over: throw .noReply("a reply that nothing was said for")
        }
    }

    /// Goes on when the connection is secured: what the server said before counts no more (RFC 3207, section 4.2).
    mutating func secured() -> Action {
        isSecure = true
        extensions = [:]
        return hello()
    }

    private func expect(_ reply: SMTPReply, _ command: String) throws(SMTPFailure) {
        guard 200..<300 ~= reply.code else { throw .refused(reply, to: command) }
    }

    private mutating func hello() -> Action {
        state = .hello
        return .send(Array("EHLO \(clientName)\r\n".utf8))
    }

    private mutating func afterHello(_ reply: SMTPReply) throws(SMTPFailure) -> Action {
        for line in reply.lines.dropFirst() {
            let words = line.uppercased().split(separator: " ").map(String.init)
            if let name = words.first { extensions[name] = Array(words.dropFirst()) }
        }
        if needsStartTLS, !isSecure {
            guard extensions["STARTTLS"] != nil else { throw .notOffered("the server does not offer STARTTLS") }
            state = .securing
            return .send(Array("STARTTLS\r\n".utf8))
        }
        if let limit = extensions["SIZE"]?.first.flatMap({ Int($0) }), limit > 0, message.text.count > limit {
            throw .notOffered("the server takes mails of up to \(limit) bytes, and this one has \(message.text.count)")
        }
        guard let account else { return sender() }
        let mechanisms = extensions["AUTH"] ?? []
        if mechanisms.contains("PLAIN") {
            state = .plain
            let words = Data("\0\(account.user)\0\(account.password)".utf8).base64EncodedString()
            return .send(Array("AUTH PLAIN \(words)\r\n".utf8))
        }
        guard mechanisms.contains("LOGIN") else {
            throw .notOffered("the server offers neither PLAIN nor LOGIN to authenticate by")
        }
        state = .login(left: 2)
        return .send(Array("AUTH LOGIN\r\n".utf8))
    }

    private mutating func sender() -> Action {
        state = .sender
        let size = extensions["SIZE"] == nil ? "" : " SIZE=\(message.text.count)"
        return .send(Array("MAIL FROM:<\(message.sender.address)>\(size)\r\n".utf8))
    }

    private func recipient(_ number: Int) -> Action {
        .send(Array("RCPT TO:<\(message.recipients[number].address)>\r\n".utf8))
    }

    private mutating func afterRecipient(
        _ number: Int,
        _ refused: [String: SMTPReply]
    ) throws(SMTPFailure) -> Action {
        guard number + 1 == message.recipients.count else {
            state = .recipients(next: number + 1, refused: refused)
            return recipient(number + 1)
        }
        guard refused.isEmpty else { throw .recipientsRefused(refused) }
        state = .data
        return .send(Array("DATA\r\n".utf8))
    }

    /// The text with a dot more where a line begins with one (RFC 5321, section 4.5.2).
    private static func stuffed(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count + 64)
        var isAtStart = true
        for byte in text {
            if isAtStart, byte == UInt8(ascii: ".") { result.append(byte) }
            result.append(byte)
            isAtStart = byte == UInt8(ascii: "\n")
        }
        return result
    }
}
