import Foundation
import JSON
import Sequences

/// The content of a mail, or a part of it: headers, and what they describe.
struct MailPart {
    /// Headers in their order.
    struct Headers {
        private(set) var text = ""

        mutating func add(_ name: String, _ value: String) { text += "\(name): \(value)\r\n" }

        /// Addresses on lines of their own; none is no header.
        mutating func add(_ name: String, _ addresses: [MailAddress]) {
            guard !addresses.isEmpty else { return }
            add(name, addresses.map(\.header).joined(separator: ",\r\n "))
        }

        var bytes: [UInt8] { Array(text.utf8) }
    }

    private var headers = Headers()
    private var content: [UInt8] = []

    /// Headers, an empty line, and the content.
    var bytes: [UInt8] { headers.bytes + Array("\r\n".utf8) + content }

    /// What `text`, `html` and `attachments` say.
    ///
    /// - Parameter boundary: What stands in no part; content is Base64, which has neither `_` nor `=_`.
    init(_ variables: JSONObject, boundary: String) throws(SequenceFailure) {
        let name = boundary.filter { $0.isASCII && ($0.isLetter || $0.isNumber) }.prefix(40)
        var parts: [MailPart] = []
        if let text = try Self.text(variables["text"], "text") { parts.append(MailPart(text, as: "text/plain")) }
        if let html = try Self.text(variables["html"], "html") { parts.append(MailPart(html, as: "text/html")) }
        guard !parts.isEmpty else {
            throw SequenceFailure(code: .invalidValue, message: "a mail needs 'text' or 'html', or both")
        }
        // The plainest first (RFC 2046, section 5.1.4).
        let body = parts.count == 1 ? parts[0] : MailPart(parts, kind: "alternative", boundary: "=_a_\(name)")
        let attachments = variables["attachments"] ?? .null
        guard !attachments.isNull else {
            self = body
            return
        }
        guard let list = attachments.arrayValue else {
            throw SequenceFailure(code: .invalidValue, message: "'attachments' needs a list")
        }
        var all = [body]
        for attachment in list { all.append(try MailPart(attachment: attachment)) }
        self = all.count == 1 ? body : MailPart(all, kind: "mixed", boundary: "=_m_\(name)")
    }

    private static func text(_ value: JSONValue?, _ name: String) throws(SequenceFailure) -> String? {
        guard let value, !value.isNull else { return nil }
        guard let text = value.stringValue else {
            throw SequenceFailure(code: .invalidValue, message: "'\(name)' needs a text, found \(value.typeName)")
        }
        return text
    }

    private init(_ text: String, as type: String) {
        headers.add("Content-Type", "\(type); charset=utf-8")
        // Line ends of mails are CR and LF, in Base64 too (RFC 2045, section 6.8).
        let lines = text.replacingOccurrences(of: "\r\n", with: "\n").replacingOccurrences(of: "\n", with: "\r\n")
        set(Array(lines.utf8))
    }

    private init(_ parts: [MailPart], kind: String, boundary: String) {
        headers.add("Content-Type", "multipart/\(kind); boundary=\"\(boundary)\"")
        for part in parts { content += Array("--\(boundary)\r\n".utf8) + part.bytes }
        content += Array("--\(boundary)--\r\n".utf8)
    }

    /// `{name, contentType, base64}` or `{name, contentType, text}`.
    private init(attachment: JSONValue) throws(SequenceFailure) {
        func wrong(_ message: String) -> SequenceFailure { SequenceFailure(code: .invalidValue, message: message) }
        guard let name = attachment["name"]?.stringValue, !name.isEmpty, name.utf8.count <= 255,
            name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else { throw wrong("an attachment needs a 'name' of one line") }
        let type = attachment["contentType"]?.stringValue ?? "application/octet-stream"
        guard type.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }), type.contains("/") else {
            throw wrong("the 'contentType' of the attachment '\(name)' is none")
        }
        let bytes: [UInt8]
        switch (attachment["base64"]?.stringValue, attachment["text"]?.stringValue) {
        case (let base64?, nil):
            guard let data = Data(base64Encoded: base64) else {
                throw wrong("'base64' of the attachment '\(name)' is no Base64")
            }
            bytes = Array(data)
        case (nil, let text?): bytes = Array(text.utf8)
        default: throw wrong("the attachment '\(name)' needs one of 'base64' and 'text'")
        }
        headers.add("Content-Type", type)
        headers.add("Content-Disposition", "attachment; \(Self.fileName(name))")
        set(bytes)
    }

    /// The parameter `filename`, as RFC 2231 writes what is not plain.
    private static func fileName(_ name: String) -> String {
        let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._ ")
        guard name.unicodeScalars.allSatisfy(plain.contains) else {
            let safe = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._")
            return "filename*=utf-8''\(name.addingPercentEncoding(withAllowedCharacters: safe) ?? "file")"
        }
        return "filename=\"\(name)\""
    }

    private mutating func set(_ bytes: [UInt8]) {
        headers.add("Content-Transfer-Encoding", "base64")
        let lines: Data.Base64EncodingOptions = [.lineLength76Characters, .endLineWithCarriageReturn]
        let options = lines.union(.endLineWithLineFeed)
        let text = Data(bytes).base64EncodedString(options: options)
        content = Array((text.hasSuffix("\r\n") || text.isEmpty ? text : text + "\r\n").utf8)
    }
}
