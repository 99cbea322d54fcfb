import JSON

/// An attachment as the `_attachments` of a document that a client sent describes it.
package struct IncomingAttachment: Hashable, Sendable {
    /// Where the content is.
    package enum Content: Hashable, Sendable {
        /// The content is that of the same attachment in the revision before.
        case stub
        /// The content comes as a part of its own, in the order of the members; or it came with the document and was
        /// taken out of its text, as `place` says.
        case follows
        /// The content came with the document.
        case inline([UInt8])
    }

    package let name: String
    package let contentType: String
    package let content: Content
    /// Which of the contents it has that were taken out of the document's text (``DocumentSplitter``), from 0.
    package let place: Int?
    /// The digest that the client gives, `md5-…` in Base64.
    package let digest: String?
    /// The generation of the revision in which the content came.
    package let revisionPosition: Int?
    /// How many bytes the content has, as the client says.
    package let length: Int?
    /// How the content is compressed (`gzip`), as the client says.
    package let encoding: String?
    /// How many bytes the compressed content has, as the client says.
    package let encodedLength: Int?

    /// The type of content of which none is said.
    package static let defaultContentType = "application/octet-stream"

    /// Reads the value of one member of `_attachments`.
    ///
    /// - Parameter contents: How many contents were taken out of the text.
    init(name: String, value: JSONValue, rules: DocumentRules, contents: Int) throws(CouchError) {
        guard value.objectValue != nil else { throw .badRequest("Invalid attachment \(name)") }
        try Self.check(name: name, lengthLimit: rules.attachmentNameLimit)
        self.name = name
        contentType = Self.type(value["content_type"]?.stringValue)
        digest = value["digest"]?.stringValue
        revisionPosition = value["revpos"]?.intValue
        length = value["length"]?.intValue
        encoding = value["encoding"]?.stringValue
        encodedLength = value["encoded_length"]?.intValue
        let isStub = value["stub"]?.boolValue == true
        let follows = value["follows"]?.boolValue == true
        let place = value["data"]?.intValue.flatMap { 0..<contents ~= $0 ? $0 : nil }
        self.place = isStub || follows ? nil : place
        if isStub {
            content = .stub
        } else if follows || place != nil {
            content = .follows
        } else {
            guard let text = value["data"]?.stringValue, let data = Base64.decode(text.utf8) else {
                throw .badRequest("Invalid attachment data for \(name)")
            }
            guard data.count <= rules.attachmentSizeLimit else { throw .attachmentTooLarge(name) }
            content = .inline(data)
        }
    }

    /// The type that a client says, without characters that neither a header nor a database takes.
    package static func type(_ text: String?) -> String {
        guard let text, !text.isEmpty else { return defaultContentType }
        return HeaderText.line(text)
    }

    /// Refuses names that CouchDB refuses, and those that are longer than the limit.
    package static func check(name: String, lengthLimit: Int) throws(CouchError) {
        guard !name.isEmpty else { throw .badRequest("Attachment name is empty") }
        guard name.utf8.first != UInt8(ascii: "_") else {
            throw .badRequest("Attachment name '\(name)' starts with prohibited character '_'")
        }
        guard !name.utf8.contains(0) else { throw .badRequest("Attachment name must not contain U+0000") }
        guard name.utf8.count <= lengthLimit else {
            throw .badRequest("Attachment name has more than \(lengthLimit) bytes")
        }
    }
}
