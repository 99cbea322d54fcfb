import CouchProtocol
import Foundation
import GRDB
import JSON

/// The row of `bodies` that a leaf of a revision tree names.
struct BodyNumber: BinaryCodable, Hashable, Sendable {
    let value: Int64

    init(_ value: Int64) {
        self.value = value
    }

    func encode(into output: inout [UInt8]) {
        output.append(integer: Int(value))
    }

    init(from reader: inout BinaryReader) throws(BinaryDecodingError) {
        value = Int64(try reader.integer())
    }
}

/// A document with all its branches, as its row says.
struct StoredDocument: Sendable {
    var tree = RevisionTree<BodyNumber>()
    /// The number of the document's newest change.
    var sequence = 0
    /// Whether the device has edited it.
    var isLocal = false

    /// The leaf that is the document; nil when there is none, or the document is deleted.
    var present: RevisionTree<BodyNumber>.Node? {
        tree.winner.flatMap { $0.isDeleted ? nil : $0 }
    }
}

/// What is kept of a revision besides its place in the tree.
struct StoredBody: Sendable {
    var owner: String?
    var groups: [String]
    /// A JSON object, as ``IncomingDocument/body`` has it.
    var body: [UInt8]
    var attachments: [StoredAttachment]

    /// The document as JSON with its special members.
    ///
    /// - Parameters:
    ///   - id: The document.
    ///   - node: The revision that this is the body of.
    ///   - rules: How the tags are called.
    ///   - adjust: Adds what else is asked for.
    func json(
        _ id: DocumentID,
        _ node: RevisionTree<BodyNumber>.Node,
        rules: DocumentRules,
        adjust: (inout OutgoingDocument) -> Void = { _ in }
    ) -> [UInt8] {
        var document = OutgoingDocument(id: id, revision: node.id, body: body)
        document.isDeleted = node.isDeleted
        document.owner = owner
        document.groups = groups
        document.attachments = attachments.map(\.outgoing)
        adjust(&document)
        var output: [UInt8] = []
        document.write(to: &output, rules: rules)
        return output
    }
}

/// An attachment of a revision, and where its content is.
struct StoredAttachment: Hashable, Sendable {
    var name: String
    var contentType: String
    var revisionPosition: Int
    var digest: String
    var length: Int
    /// The row of `contents`.
    var content: Int64

    var outgoing: OutgoingAttachment {
        OutgoingAttachment(
            name: name,
            contentType: contentType,
            revisionPosition: revisionPosition,
            digest: digest,
            length: length
        )
    }

    /// Whether the attachment has that name, byte for byte.
    func isNamed(_ other: String) -> Bool { name.utf8.elementsEqual(other.utf8) }
}

extension StoredAttachment {
    /// One that came from another replica, as what has come of it turns out to be.
    init(_ attachment: ReplicatedAttachment, digest: String, length: Int, content: Int64) {
        self.init(
            name: attachment.name,
            contentType: attachment.contentType,
            revisionPosition: attachment.revisionPosition,
            digest: digest,
            length: length,
            content: content
        )
    }
}
