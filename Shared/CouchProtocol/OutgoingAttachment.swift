import JSON

/// An attachment as the `_attachments` of a document describe it to a client.
package struct OutgoingAttachment: Hashable, Sendable {
    /// How the content reaches the client.
    package enum Content: Hashable, Sendable {
        /// Not with this answer.
        case stub
        /// As a part of its own, behind the document.
        case follows
        /// Within the document, in Base64.
        case inline([UInt8])
        /// Within the document, in Base64 that is not at hand: see ``OutgoingDocument/pieces(rules:)``.
        case streamed
    }

    package var name: String
    package var contentType: String
    /// The generation of the revision in which the content came.
    package var revisionPosition: Int
    /// `md5-…` in Base64.
    package var digest: String
    /// How many bytes the content has.
    package var length: Int
    /// How the content is stored compressed (`gzip`), when that is to be shown.
    package var encoding: String?
    /// How many bytes the compressed content has, when that is to be shown.
    package var encodedLength: Int?
    package var content = Content.stub

    /// An attachment whose content is not with the answer.
    package init(name: String, contentType: String, revisionPosition: Int, digest: String, length: Int) {
        self.name = name
        self.contentType = contentType
        self.revisionPosition = revisionPosition
        self.digest = digest
        self.length = length
    }

    /// Appends the member of `_attachments`, name and value.
    ///
    /// - Returns: The place in the output where a content that is not at hand must come.
    @discardableResult
    func write(to output: inout [UInt8]) -> Int? {
        var gap: Int?
        JSONValue.write(string: name, to: &output)
        output.append(contentsOf: #":{"content_type":"#.utf8)
        JSONValue.write(string: contentType, to: &output)
        output.append(contentsOf: #","revpos":\#(revisionPosition),"digest":"#.utf8)
        JSONValue.write(string: digest, to: &output)
        switch content {
        case .stub: output.append(contentsOf: #","length":\#(length),"stub":true"#.utf8)
        case .follows: output.append(contentsOf: #","length":\#(length),"follows":true"#.utf8)
        case .inline(let data):
            output.append(contentsOf: #","data":""#.utf8)
            Base64.encode(data, to: &output)
            output.append(UInt8(ascii: "\""))
        case .streamed:
            output.append(contentsOf: #","data":""#.utf8)
            gap = output.count
            output.append(UInt8(ascii: "\""))
        }
        if let encoding {
            output.append(contentsOf: #","encoding":"#.utf8)
            JSONValue.write(string: encoding, to: &output)
        }
        if let encodedLength { output.append(contentsOf: #","encoded_length":\#(encodedLength)"#.utf8) }
        output.append(UInt8(ascii: "}"))
        return gap
    }
}
