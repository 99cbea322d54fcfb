/// What a mail server answers to a command: a code, and lines of text (RFC 5321, section 4.2).
struct SMTPReply: Hashable, Sendable {
    let code: Int
    let lines: [String]

    /// The lines as one text, short enough for a message.
    var text: String { String(lines.joined(separator: " ").prefix(500)) }

    /// Whether the server takes what was said.
    var isPositive: Bool { (200..<400).contains(code) }
}

/// Makes replies of the bytes that come.
struct SMTPReplyReader {
    /// Longer than any that servers send, whose limit is 512.
    private static let lineLimit = 4_096
    private static let lineCount = 200

    private var line: [UInt8] = []
    private var lines: [String] = []
    private var code: Int?

    /// Whether something has come that belongs to no whole reply yet.
    var isInReply: Bool { !line.isEmpty || !lines.isEmpty }

    /// Takes a byte; gives the reply that it ends.
    mutating func append(_ byte: UInt8) throws(SMTPFailure) -> SMTPReply? {
        guard byte == UInt8(ascii: "\n") else {
            guard line.count < Self.lineLimit else { throw .noReply("a line of more than \(Self.lineLimit) bytes") }
            line.append(byte)
            return nil
        }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        defer { line = [] }
        guard line.count >= 3, let number = Int(String(decoding: line.prefix(3), as: UTF8.self)),
            200..<600 ~= number, code == nil || code == number
        else { throw .noReply("a line without its code") }
        code = number
        lines.append(String(decoding: line.dropFirst(4), as: UTF8.self))
        guard lines.count <= Self.lineCount else { throw .noReply("more than \(Self.lineCount) lines") }
        if line.count > 3, line[3] == UInt8(ascii: "-") { return nil }
        defer {
            lines = []
            code = nil
        }
        return SMTPReply(code: number, lines: lines)
    }
}

/// Why a mail was not sent.
enum SMTPFailure: Error, Hashable, Sendable {
    /// The server sent what is no reply.
    case noReply(String)
    /// The server does not offer what the connector needs: TLS, a way to authenticate, room for the mail.
    case notOffered(String)
    /// The server does not take the connector's name and password.
    case loginRefused(SMTPReply)
    /// The server does not take what was said at that point.
    case refused(SMTPReply, to: String)
    /// The server does not take some of those who were to get the mail, so nobody got it.
    case recipientsRefused([String: SMTPReply])
}
