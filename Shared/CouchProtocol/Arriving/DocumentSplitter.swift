/// Follows the text of one document while it arrives, and takes the large contents of its attachments out of it.
///
/// What stays is a text that ``IncomingDocument`` reads, in which a number stands in the place of each content: the
/// first one that was taken out is 0. It finds strings, brackets and names and checks nothing else; whoever reads the
/// text notices what is no JSON. So a document with photos takes the memory of the rest of it.
package struct DocumentSplitter: Sendable {
    /// What is known with some more bytes.
    package enum Event: Sendable, Hashable {
        /// The content of an attachment of that name begins, in Base64.
        case contentStart(name: String)
        /// The next characters of the content.
        case content([UInt8])
        case contentEnd
        /// The document is there.
        case document(SplitDocument)
    }

    /// How much of a document is in memory at most, and which contents are taken out.
    package struct Limits: Sendable, Hashable {
        /// How many bytes the text may have that stays of a document; of a longer one nothing stays.
        package var text: Int
        /// How many characters a content may have that stays in the text.
        package var content = 64 << 10
        /// How many bytes of a text there may be before all further contents are taken out.
        package var crowd = 1 << 20

        package init(text: Int) {
            self.text = text
        }
    }

    private enum Place {
        case between
        case string
        case name
        case content
    }

    /// What a member of the document itself is.
    private enum Member {
        case other
        case id
        case revision
        case attachments
    }

    private let limits: Limits
    private var place = Place.between
    private var isEscaped = false
    private var depth = 0
    /// How many of the open containers, from the outermost one on, are objects whose names count: the document, its
    /// attachments, one of them.
    private var followed = 0
    private var awaitsName = false
    private var member = Member.other
    private var attachment: [UInt8] = []
    private var isData = false
    private var name: [UInt8] = []
    private var content: [UInt8] = []
    private var isTakenOut = false
    private var document = SplitDocument()

    package init(_ limits: Limits) {
        self.limits = limits
    }

    /// How many bytes are in memory.
    package var byteCount: Int {
        document.text.count + content.count + name.count + (document.id?.count ?? 0) + (document.revision?.count ?? 0)
    }

    /// Takes the next bytes of the document, from `position` on, which must begin with `{`.
    ///
    /// - Returns: Whether the document ends before `position` as it is then; otherwise all bytes are taken.
    package mutating func take(
        _ bytes: UnsafeBufferPointer<UInt8>,
        from position: inout Int,
        _ events: inout [Event]
    ) throws(CouchError) -> Bool {
        while position < bytes.count {
            switch place {
            case .between:
                guard try stepBetween(bytes, &position) else { continue }
                events.append(.document(document))
                self = DocumentSplitter(limits)
                return true
            case .string, .name: stepString(bytes, &position)
            case .content: stepContent(bytes, &position, &events)
            }
        }
        return false
    }

    // MARK: - Between strings

    /// Steps to the next string, or to the end of the document; true when that is reached.
    private mutating func stepBetween(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ position: inout Int
    ) throws(CouchError) -> Bool {
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                beginString()
                // The quotes of a content are written when it is known whether it stays.
                keep(bytes, start..<(place == .content ? position - 1 : position))
                return false
            case UInt8(ascii: "{"):
                if isFollowed { followed += 1 }
                depth += 1
                awaitsName = depth == followed
            case UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if followed > depth { followed = depth }
                awaitsName = false
                guard depth > 0 else {
                    keep(bytes, start..<position)
                    return true
                }
            case UInt8(ascii: ","): if depth == followed { awaitsName = true }
            case UInt8(ascii: ":"): if depth == followed { awaitsName = false }
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                // It would stand for a content that was taken out.
                if isContent { throw .badRequest("Invalid attachment data for \(attachmentName)") }
            default: break
            }
        }
        keep(bytes, start..<position)
        return false
    }

    /// Whether the names of an object that begins here count.
    private var isFollowed: Bool {
        depth == followed && !awaitsName && followed < 3 && (followed != 1 || member == .attachments)
    }

    /// Whether a value that begins here is the content of an attachment.
    private var isContent: Bool { depth == 3 && followed == 3 && !awaitsName && isData }

    private var attachmentName: String { String(decoding: attachment, as: UTF8.self) }

    private mutating func beginString() {
        if depth == followed, awaitsName {
            place = .name
            name.removeAll(keepingCapacity: true)
            return
        }
        place = isContent ? .content : .string
        guard depth == 1, followed == 1 else { return }
        // Of two of one name the document is refused by whoever reads it.
        if member == .id { document.id = [] }
        if member == .revision { document.revision = [] }
    }

    // MARK: - Strings

    /// Steps to the end of the string, or of the bytes; true at its closing quote.
    private mutating func skipString(_ bytes: UnsafeBufferPointer<UInt8>, _ position: inout Int) -> Bool {
        while position < bytes.count {
            let byte = bytes[position]
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\"") {
                return true
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            }
            position += 1
        }
        return false
    }

    private mutating func stepString(_ bytes: UnsafeBufferPointer<UInt8>, _ position: inout Int) {
        let start = position
        let isOver = skipString(bytes, &position)
        let piece = UnsafeBufferPointer(rebasing: bytes[start..<position])
        if place == .name {
            if name.count <= Self.longestName { name.append(contentsOf: piece) }
        } else if depth == 1, followed == 1 {
            if member == .id { Self.note(piece, in: &document.id) }
            if member == .revision { Self.note(piece, in: &document.revision) }
        }
        if isOver {
            position += 1
            if place == .name { endName() }
            place = .between
        }
        keep(bytes, start..<position)
    }

    /// More of a name than can matter is not looked at.
    private static let longestName = 128 << 10
    /// The longest text of an id or a revision that is told of a document of which nothing stays.
    private static let longestNote = 64 << 10

    private static func note(_ piece: UnsafeBufferPointer<UInt8>, in text: inout [UInt8]?) {
        guard let length = text?.count else { return }
        if length + piece.count > longestNote { text = nil } else { text?.append(contentsOf: piece) }
    }

    private mutating func endName() {
        let name = JSONText.unescaped(name)
        switch depth {
        case 1:
            switch String(decoding: name, as: UTF8.self) {
            case "_id": member = .id
            case "_rev": member = .revision
            case "_attachments": member = .attachments
            default: member = .other
            }
        case 2: attachment = name
        default: isData = name == Array("data".utf8)
        }
    }

    // MARK: - Contents

    private mutating func stepContent(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ position: inout Int,
        _ events: inout [Event]
    ) {
        let start = position
        let isOver = skipString(bytes, &position)
        if !document.isTooLarge { content.append(contentsOf: bytes[start..<position]) }
        if !isTakenOut, content.count > limits.content || document.text.count > limits.crowd {
            isTakenOut = true
            events.append(.contentStart(name: attachmentName))
        }
        if isTakenOut {
            let characters = JSONText.unescape(&content, isWhole: isOver)
            if !characters.isEmpty { events.append(.content(characters)) }
        }
        guard isOver else { return }
        position += 1
        place = .between
        endContent(&events)
    }

    private mutating func endContent(_ events: inout [Event]) {
        if isTakenOut {
            events.append(.contentEnd)
            keep(Array(String(document.contentCount).utf8))
            document.contentCount += 1
        } else {
            keep([UInt8(ascii: "\"")] + content + [UInt8(ascii: "\"")])
        }
        content = []
        isTakenOut = false
    }

    // MARK: - The text

    private mutating func keep(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) {
        guard hasRoom(for: range.count) else { return }
        document.text.append(contentsOf: bytes[range])
    }

    private mutating func keep(_ bytes: [UInt8]) {
        guard hasRoom(for: bytes.count) else { return }
        document.text += bytes
    }

    private mutating func hasRoom(for count: Int) -> Bool {
        guard !document.isTooLarge else { return false }
        guard document.text.count + count <= limits.text else {
            document.isTooLarge = true
            document.text = []
            return false
        }
        return true
    }
}

/// What stays of a document from which contents of attachments were taken.
package struct SplitDocument: Sendable, Hashable {
    /// The text, with numbers in the places of contents; empty when it was too long.
    package fileprivate(set) var text: [UInt8] = []
    /// How many contents were taken out.
    package fileprivate(set) var contentCount = 0
    /// Whether nothing stays because the text was too long.
    package fileprivate(set) var isTooLarge = false
    /// The text of the string `_id` as it is written in JSON, without quotes; nil when there is none that matters.
    package fileprivate(set) var id: [UInt8]?
    /// The same of `_rev`.
    package fileprivate(set) var revision: [UInt8]?

    /// Whether it is a local document, which is not replicated.
    package var isLocal: Bool { id.map { JSONText.unescaped($0).starts(with: "_local/".utf8) } ?? false }
}
