import JSON

/// The name of a document within its database.
///
/// Equal and ordered by the bytes of its UTF-8, as in CouchDB. (Swift's strings call canonically equivalent texts
/// equal,
/// which would make one document of two.)
package struct DocumentID: Sendable {
    /// How many bytes of UTF-8 an id may have, unless a setting says otherwise.
    package static let defaultLengthLimit = 512

    /// The id as clients write it.
    package let text: String

    /// An id that comes from a store, where only valid ones get in.
    package init(stored text: String) {
        self.text = text
    }

    /// An id that comes from a client: not empty, not too long, and with `_` first only in front of a reserved name.
    package init(_ text: String, lengthLimit: Int = defaultLengthLimit) throws(CouchError) {
        guard !text.isEmpty else { throw .illegalDocumentID("Document id must not be empty") }
        guard text.utf8.count <= lengthLimit else { throw .illegalDocumentID("Document id is too long") }
        if text.utf8.first == UInt8(ascii: "_") {
            guard text.hasPrefix(Self.designPrefix) || text.hasPrefix(Self.localPrefix) else {
                throw .illegalDocumentID("Only reserved document ids may start with underscore.")
            }
            guard text != Self.designPrefix, text != Self.localPrefix else {
                throw .illegalDocumentID("Illegal document id `\(text)`")
            }
        }
        // PostgreSQL's text cannot hold it, and no client makes such ids.
        guard !text.utf8.contains(0) else { throw .illegalDocumentID("Document id must not contain U+0000") }
        self.text = text
    }

    private static let designPrefix = "_design/"
    private static let localPrefix = "_local/"

    /// Whether it names a design document.
    package var isDesign: Bool { text.hasPrefix(Self.designPrefix) }

    /// Whether it names a local document, which is not replicated.
    package var isLocal: Bool { text.hasPrefix(Self.localPrefix) }

    /// The id of the local document of that name.
    package static func local(_ name: String) -> DocumentID {
        DocumentID(stored: localPrefix + name)
    }

    /// The id of the design document of that name.
    package static func design(_ name: String) -> DocumentID {
        DocumentID(stored: designPrefix + name)
    }
}

extension DocumentID: Hashable, Comparable, CustomStringConvertible {
    package static func == (lhs: DocumentID, rhs: DocumentID) -> Bool {
        lhs.text.utf8.count == rhs.text.utf8.count && lhs.text.utf8.elementsEqual(rhs.text.utf8)
    }

    package static func < (lhs: DocumentID, rhs: DocumentID) -> Bool {
        lhs.text.utf8.lexicographicallyPrecedes(rhs.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(bytesOf: text)
    }

    package var description: String { text }
}
