import CouchProtocol
import Foundation
import GRDB
import JSON

/// What is read from a device's database, within one snapshot of it.
struct StoreReader {
    let db: Database
    let vault: Vault

    /// The document of that id; nil when there never was one.
    func document(_ id: DocumentID) throws -> StoredDocument? {
        let statement = try db.cachedStatement(sql: "SELECT tree, sequence, is_local FROM documents WHERE id = ?")
        return try Row.fetchOne(statement, arguments: [id.text]).map { row in
            StoredDocument(tree: try Self.tree(row[0]), sequence: row[1], isLocal: row[2])
        }
    }

    /// What a leaf names.
    func body(_ number: BodyNumber) throws -> StoredBody {
        let statement = try db.cachedStatement(
            sql: "SELECT body, owner, group_names, has_attachments FROM bodies WHERE number = ?"
        )
        guard let row = try Row.fetchOne(statement, arguments: [number.value]) else {
            throw CouchError.missing
        }
        let groups: String? = row[2]
        return StoredBody(
            owner: row[1],
            groups: try groups.map(Self.groups) ?? [],
            body: try vault.opened(row[0]),
            attachments: row[3] ? try attachments(of: number) : []
        )
    }

    private func attachments(of body: BodyNumber) throws -> [StoredAttachment] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT name, content_type, revision_position, digest, length, content
                FROM attachments WHERE body = ? ORDER BY place
                """
        )
        return try Row.fetchAll(statement, arguments: [body.value]).map { row in
            StoredAttachment(
                name: row[0],
                contentType: row[1],
                revisionPosition: row[2],
                digest: String(decoding: try vault.opened(row[3]), as: UTF8.self),
                length: row[4],
                content: row[5]
            )
        }
    }

    /// What an attachment holds.
    func content(_ attachment: StoredAttachment) throws -> [UInt8] {
        var content: [UInt8] = []
        content.reserveCapacity(attachment.length)
        try forEachPiece(of: attachment) { content.append(contentsOf: $0) }
        return content
    }

    /// One of the pieces of what an attachment holds; nil when there is none of that number.
    func piece(_ place: Int, of attachment: StoredAttachment) throws -> [UInt8]? {
        let statement = try db.cachedStatement(sql: "SELECT bytes FROM pieces WHERE content = ? AND place = ?")
        return try Data.fetchOne(statement, arguments: [attachment.content, place]).map { try vault.opened($0) }
    }

    /// Gives what an attachment holds piece by piece.
    func forEachPiece(of attachment: StoredAttachment, _ body: ([UInt8]) throws -> Void) throws {
        let statement = try db.cachedStatement(sql: "SELECT bytes FROM pieces WHERE content = ? ORDER BY place")
        let pieces = try Data.fetchCursor(statement, arguments: [attachment.content])
        while let piece = try pieces.next() { try body(try vault.opened(piece)) }
    }

    /// The number of the newest change.
    func lastSequence() throws -> Int {
        try Int.fetchOne(db.cachedStatement(sql: "SELECT sequence FROM state")) ?? 0
    }

    /// Whether the server refused an edit.
    var hasRefusals: Bool {
        get throws { try Bool.fetchOne(db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM refusals)")) ?? false }
    }

    /// Whether the server refused an edit of that document.
    func hasRefusal(of id: DocumentID) throws -> Bool {
        let statement = try db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM refusals WHERE id = ?)")
        return try Bool.fetchOne(statement, arguments: [id.text]) ?? false
    }

    /// A local document; nil when there is none.
    func localDocument(_ name: String) throws -> (revision: Int, body: JSONObject)? {
        let statement = try db.cachedStatement(sql: "SELECT revision, body FROM local_documents WHERE name = ?")
        return try Row.fetchOne(statement, arguments: [name]).map { row in
            let body: Data = row[1]
            return (row[0], try JSONValue(parsing: Array(body)).objectValue ?? [:])
        }
    }

    /// All local documents.
    func localDocuments() throws -> [(name: String, revision: Int, body: JSONObject)] {
        try Row.fetchAll(db, sql: "SELECT name, revision, body FROM local_documents ORDER BY name").map { row in
            let body: Data = row[2]
            return (row[0], row[1], try JSONValue(parsing: Array(body)).objectValue ?? [:])
        }
    }

    /// The whole of a revision, as another replica gets it.
    ///
    /// - Parameters:
    ///   - known: The contents of attachments that came no later than this generation are left out; nil for all of
    ///     them.
    ///   - source: Gives where a content is to be read from; nil for those that are best at hand.
    func replicated(
        _ id: DocumentID,
        _ node: RevisionTree<BodyNumber>.Node,
        path: RevisionPath,
        known: Int? = nil,
        source: (StoredAttachment) -> AttachmentSource? = { _ in nil }
    ) throws -> ReplicatedDocument? {
        guard let number = node.payload else { return nil }
        let body = try body(number)
        return ReplicatedDocument(
            id: id,
            path: path,
            isDeleted: node.isDeleted,
            owner: body.owner,
            groups: body.groups,
            attachments: try body.attachments.map { stored in
                var attachment = ReplicatedAttachment(
                    name: stored.name,
                    contentType: stored.contentType,
                    revisionPosition: stored.revisionPosition,
                    digest: stored.digest,
                    length: stored.length
                )
                guard known.map({ stored.revisionPosition > $0 }) ?? true else { return attachment }
                attachment.source = source(stored)
                if attachment.source == nil { attachment.content = try content(stored) }
                return attachment
            },
            body: body.body
        )
    }

    /// The revision tree that a column holds.
    static func tree(_ column: Data) throws -> RevisionTree<BodyNumber> {
        try RevisionTree(decoding: Array(column))
    }

    private static func groups(_ column: String) throws -> [String] {
        try JSONValue(parsing: column).arrayValue?.compactMap(\.stringValue) ?? []
    }
}
