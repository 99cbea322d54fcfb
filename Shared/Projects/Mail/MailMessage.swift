package import Foundation
package import JSON
package import Sequences

/// A mail that is ready to be sent: who sends it, who gets it, and its text (RFC 5322, RFC 2045).
package struct MailMessage: Sendable, Hashable {
    /// The sender that servers are told, to which they return what they cannot deliver.
    package let sender: MailAddress
    /// Everybody who gets it, each once.
    package let recipients: [MailAddress]
    /// What it is known by, without the angle brackets.
    package let id: String
    /// Lines that end with CR and LF, ASCII alone.
    package let text: [UInt8]

    private static let recipientLimit = 500

    /// The mail that the variables of ``SMTPTransaction`` say.
    ///
    /// - Parameters:
    ///   - sender: The connector's own, for mails that name none.
    ///   - id: What the mail is known by, without the sender's domain; the same for every attempt at it.
    ///   - limit: How many bytes the text may have.
    package init(
        _ variables: JSONObject,
        sender standard: MailAddress?,
        id: String,
        date: Date,
        limit: Int
    ) throws(SequenceFailure) {
        let from = try Self.addresses(variables["from"], "from").first ?? standard
        guard let from else { throw Self.wrong("the mail names no sender, and neither does the connector") }
        sender = from
        self.id = "\(id)@\(from.domain)"
        let to = try Self.addresses(variables["to"], "to")
        let copied = try Self.addresses(variables["cc"], "cc")
        let hidden = try Self.addresses(variables["bcc"], "bcc")
        let answered = try Self.addresses(variables["replyTo"], "replyTo")
        var seen: Set<String> = []
        recipients = (to + copied + hidden).filter { seen.insert($0.address.lowercased()).inserted }
        guard !recipients.isEmpty else { throw Self.wrong("the mail names nobody who gets it") }
        guard recipients.count <= Self.recipientLimit else {
            throw SequenceFailure(code: .limit, message: "a mail to more than \(Self.recipientLimit)")
        }
        var head = MailPart.Headers()
        head.add("From", from.header)
        head.add("To", to)
        head.add("Cc", copied)
        head.add("Reply-To", answered)
        head.add("Subject", MailHeader.text(try Self.line(variables["subject"], "subject")))
        head.add("Date", Self.text(of: date))
        head.add("Message-ID", "<\(self.id)>")
        head.add("MIME-Version", "1.0")
        for (name, value) in variables["headers"]?.objectValue ?? [:] {
            guard Self.mayAdd(name) else { throw Self.wrong("a mail cannot have the header '\(name)' set") }
            head.add(name, MailHeader.text(try Self.line(value, name)))
        }
        let body = try MailPart(variables, boundary: id)
        text = head.bytes + body.bytes
        guard text.count <= limit else {
            throw SequenceFailure(code: .limit, message: "a mail of more than \(limit) bytes")
        }
    }

    /// One address, or a list of them.
    private static func addresses(_ value: JSONValue?, _ name: String) throws(SequenceFailure) -> [MailAddress] {
        guard let value, !value.isNull else { return [] }
        var addresses: [MailAddress] = []
        for element in value.arrayValue ?? [value] {
            guard let text = element.stringValue, let address = MailAddress(text) else {
                throw wrong("'\(name)' needs addresses, like ann@example.com or Ann <ann@example.com>")
            }
            addresses.append(address)
        }
        return addresses
    }

    /// A text that cannot begin another header.
    private static func line(_ value: JSONValue?, _ name: String) throws(SequenceFailure) -> String {
        guard let value, !value.isNull else { return "" }
        guard let text = value.stringValue,
            text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else { throw wrong("'\(name)' needs a text of one line") }
        return text
    }

    /// Whether a project may say the header itself: what makes the mail's frame is made here.
    private static func mayAdd(_ name: String) -> Bool {
        let known: Set<String> = [
            "auto-submitted", "importance", "in-reply-to", "list-id", "list-unsubscribe", "list-unsubscribe-post",
            "organization", "precedence", "priority", "references",
        ]
        let lower = name.lowercased()
        return known.contains(lower)
            || lower.hasPrefix("x-")
                && lower.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
    }

    private static func wrong(_ message: String) -> SequenceFailure {
        SequenceFailure(code: .invalidValue, message: message)
    }

    /// As RFC 5322 writes it, in UTC.
    private static func text(of date: Date) -> String {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let parts = calendar.dateComponents([.weekday, .day, .month, .year, .hour, .minute, .second], from: date)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int?) -> String { (number ?? 0) < 10 ? "0\(number ?? 0)" : "\(number ?? 0)" }
        return "\(days[(parts.weekday ?? 1) - 1]), \(two(parts.day)) \(months[(parts.month ?? 1) - 1]) "
            + "\(parts.year ?? 0) \(two(parts.hour)):\(two(parts.minute)):\(two(parts.second)) +0000"
    }
}
