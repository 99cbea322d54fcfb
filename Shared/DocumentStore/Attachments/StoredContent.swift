package import CouchProtocol
import JSON
import Postgres

/// A content that the store has.
///
/// Made by the store alone: for whoever has sent the whole content, and of a revision that the caller may read. So a
/// content is never had by naming its digest.
package struct StoredContent: Sendable, Hashable {
    /// The key of its rows.
    let id: Int64
    /// How many bytes it has.
    package let length: Int
    /// The MD5 as CouchDB writes it: `md5-` and Base64.
    package let digest: String

    /// How many bytes one row holds; the last of a content may hold fewer.
    static let chunkSize = 256 << 10
}

/// An attachment of a revision.
package struct StoredAttachment: Sendable, Hashable {
    package let name: String
    package let contentType: String
    /// The generation of the revision in which the content came.
    package private(set) var revisionPosition: Int
    /// The content as it is kept: when it came compressed, compressed.
    package let content: StoredContent
    /// How the content is compressed (`gzip`); nil when it is not.
    package let encoding: String?
    /// How many bytes the content has unpacked.
    package let length: Int

    /// The attachment without its content, as a document shows it.
    ///
    /// - Parameter showsEncoding: Whether the client asks how it is compressed (`att_encoding_info`).
    package func outgoing(showsEncoding: Bool = false) -> OutgoingAttachment {
        var outgoing = OutgoingAttachment(
            name: name,
            contentType: contentType,
            revisionPosition: revisionPosition,
            digest: content.digest,
            length: length
        )
        if showsEncoding, let encoding {
            outgoing.encoding = encoding
            outgoing.encodedLength = content.length
        }
        return outgoing
    }
}

extension StoredAttachment {
    /// The attachment as if its content had come at that generation.
    func renewed(at generation: Int) -> StoredAttachment {
        var attachment = self
        attachment.revisionPosition = generation
        return attachment
    }
}

// MARK: - In the database

extension StoredAttachment {
    /// What the column `bodies.attachments` holds of these; nil for none.
    static func column(of attachments: [StoredAttachment]) -> PostgresJSONB? {
        attachments.isEmpty ? nil : PostgresJSONB(JSONValue.array(attachments.map(\.json)).bytes)
    }

    private var json: JSONValue {
        var members: JSONObject = [
            "name": .string(name), "type": .string(contentType), "revpos": .number(JSONNumber(revisionPosition)),
            "content": .number(JSONNumber(Int(content.id))), "digest": .string(content.digest),
            "size": .number(JSONNumber(content.length)),
        ]
        if let encoding {
            members["encoding"] = .string(encoding)
            members["length"] = .number(JSONNumber(length))
        }
        return .object(members)
    }

    /// The attachments that the column `bodies.attachments` holds.
    static func decode(_ column: [UInt8]?) throws -> [StoredAttachment] {
        guard let column, let entries = try JSONValue(parsing: column).arrayValue else { return [] }
        return try entries.map { entry in
            guard let name = entry["name"]?.stringValue, let type = entry["type"]?.stringValue,
                let position = entry["revpos"]?.intValue, let content = entry["content"]?.intValue,
                let digest = entry["digest"]?.stringValue, let size = entry["size"]?.intValue
            else { throw BinaryDecodingError("an entry of bodies.attachments is not what was written") }
            return StoredAttachment(
                name: name,
                contentType: type,
                revisionPosition: position,
                content: StoredContent(id: Int64(content), length: size, digest: digest),
                encoding: entry["encoding"]?.stringValue,
                length: entry["length"]?.intValue ?? size
            )
        }
    }
}
