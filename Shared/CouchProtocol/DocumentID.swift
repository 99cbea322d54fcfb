import JSON

/// The name of a document within its database.
///
/// Equal and ordered by the bytes of its UTF-8, as in CouchDB. (Swift's strings call canonically equivalent texts
/// equal, which would make one document of two.) What kind of document it is follows from its bytes, too, as for
/// PostgreSQL: `_design/` with an accent behind it names a design document.
package struct DocumentID: Sendable {
    /// The most bytes of UTF-8 that any id has: what fits into an entry of PostgreSQL's indexes.
    ///
    /// How long a new document's id may be is a matter of the store's limits.
    package static let greatestLength = 2_000

    /// The id as clients write it.
    package let text: String

    /// An id that comes from a store, where only valid ones get in.
    package init(stored text: String) {
        self.text = text
    }

    /// An id that comes from a client: not empty, not too long, and with `_` first only in front of a reserved name.
    package init(_ text: String, lengthLimit: Int = greatestLength) throws(CouchError) {
        guard !text.isEmpty else { throw .illegalDocumentID("Document id must not be empty") }
        guard text.utf8.count <= lengthLimit else { throw .illegalDocumentID("Document id is too long") }
        if text.utf8.first == UInt8(ascii: "_") {
            guard text.beginsExactly(with: Self.designPrefix) || text.beginsExactly(with: Self.localPrefix) else {
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
    package var isDesign: Bool { text.beginsExactly(with: Self.designPrefix) }

    /// Whether it names a local document, which is not replicated.
    package var isLocal: Bool { text.beginsExactly(with: Self.localPrefix) }

    /// The id of the local document of that name.
    package static func local(_ name: String) -> DocumentID {
        DocumentID(stored: localPrefix + name)
    }

    /// The id of the design document of that name.
    package static func design(_ name: String) -> DocumentID {
        DocumentID(stored: designPrefix + name)
    }

    /// The id of the design document that a client names, with `_design/` or without.
    package static func design(named name: String) throws(CouchError) -> DocumentID {
        try DocumentID(name.beginsExactly(with: designPrefix) ? name : designPrefix + name)
    }

    /// The name of the local document; nil when it is none.
    package var localName: String? { text.rest(behind: Self.localPrefix) }
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
