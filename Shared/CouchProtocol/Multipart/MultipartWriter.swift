/// The bytes between the contents of a multipart body, as `couch_httpd_multipart` of CouchDB writes them.
package struct MultipartWriter: Sendable {
    package let boundary: String

    /// - Parameter boundary: What stands in no content: a random text of letters and digits.
    package init(boundary: String) {
        self.boundary = boundary
    }

    // MARK: - A document with its attachments (`multipart/related`)

    /// The value of the `Content-Type` header of a document with its attachments.
    package var relatedType: String { #"multipart/related; boundary="\#(boundary)""# }

    /// What stands before the document.
    package var documentHead: [UInt8] { Array("--\(boundary)\r\nContent-Type: application/json\r\n\r\n".utf8) }

    /// What stands before the content of an attachment.
    package func head(of attachment: OutgoingAttachment) -> [UInt8] {
        var text = "\r\n--\(boundary)"
        text += "\r\nContent-Disposition: attachment; filename=\"\(HeaderText.quotable(attachment.name))\""
        text += "\r\nContent-Type: \(HeaderText.line(attachment.contentType))"
        text += "\r\nContent-Length: \(attachment.encodedLength ?? attachment.length)"
        if let encoding = attachment.encoding { text += "\r\nContent-Encoding: \(HeaderText.line(encoding))" }
        return Array((text + "\r\n\r\n").utf8)
    }

    /// What stands behind the last content.
    package var end: [UInt8] { Array("\r\n--\(boundary)--".utf8) }

    /// How long the whole body is for a document of that length and these attachments.
    package func length(document: Int, attachments: [OutgoingAttachment]) -> Int {
        attachments.reduce(documentHead.count + document + end.count) { sum, attachment in
            sum + head(of: attachment).count + (attachment.encodedLength ?? attachment.length)
        }
    }

    // MARK: - Several answers (`multipart/mixed`)

    /// What stands before a part with these headers.
    package func head(_ headers: [(name: String, value: String)]) -> [UInt8] {
        let lines = headers.map { "\r\n\($0.name): \(HeaderText.line($0.value))" }
        return Array(("\r\n--\(boundary)" + lines.joined() + "\r\n\r\n").utf8)
    }
}

/// Text of users in headers, where a line break would begin a header of theirs.
package enum HeaderText {
    /// The text without control characters.
    package static func line(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return text }
        return String(
            decoding: text.utf8.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: " ") : $0 },
            as: UTF8.self
        )
    }

    /// The text for between quotes, what would end them escaped as browsers do in forms.
    package static func quotable(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "%22"
            case "\r": result += "%0D"
            case "\n": result += "%0A"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return line(result)
    }
}
