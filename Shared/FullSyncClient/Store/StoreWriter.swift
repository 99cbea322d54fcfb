import CouchProtocol
import Crypto
import Foundation
import GRDB
import JSON

/// One transaction on a device's database: what it changes is there as a whole or not at all.
struct StoreWriter {
    /// How many bytes of an attachment are in one row.
    static let pieceSize = 256 << 10

    let db: Database
    let limits: StoreLimits
    private var sequence: Int
    private let firstSequence: Int

    var reader: StoreReader { StoreReader(db: db) }

    init(_ db: Database, limits: StoreLimits) throws {
        self.db = db
        self.limits = limits
        firstSequence = try StoreReader(db: db).lastSequence()
        sequence = firstSequence
    }

    /// Whether a document has changed.
    var hasChanges: Bool { sequence != firstSequence }

    /// Writes what the changes have counted up to; the last thing that a transaction does.
    func finish() throws {
        guard hasChanges else { return }
        try db.cachedStatement(sql: "UPDATE state SET sequence = ?").execute(arguments: [sequence])
    }

    /// Writes a document's row, as a new change.
    ///
    /// - Parameters:
    ///   - document: Its tree names the rows of its leaves' bodies.
    ///   - before: The bodies that the tree named before; those that it no longer names are removed.
    mutating func save(_ id: DocumentID, _ document: StoredDocument, before: [BodyNumber]) throws {
        var document = document
        document.tree.forgetAncestorBodies()
        document.tree.stem(to: limits.revisions)
        sequence += 1
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO documents (id, sequence, is_deleted, is_local, tree) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, is_deleted = excluded.is_deleted,
                    is_local = excluded.is_local, tree = excluded.tree
                """
        )
        try statement.execute(
            arguments: [
                id.text, sequence, document.tree.isDeleted, document.isLocal, Data(document.tree.encoded),
            ]
        )
        let kept = Set(document.tree.nodes.compactMap { $0.payload })
        for number in before where !kept.contains(number) { try remove(number) }
    }

    /// Writes a body's row.
    func insert(_ body: StoredBody) throws -> BodyNumber {
        let statement = try db.cachedStatement(
            sql: "INSERT INTO bodies (body, owner, group_names, has_attachments) VALUES (?, ?, ?, ?)"
        )
        let groups = body.groups.isEmpty ? nil : JSONValue.array(body.groups.map { .string($0) }).text
        try statement.execute(arguments: [Data(body.body), body.owner, groups, !body.attachments.isEmpty])
        let number = db.lastInsertedRowID
        for (place, attachment) in body.attachments.enumerated() {
            let statement = try db.cachedStatement(
                sql: """
                    INSERT INTO attachments
                        (body, place, name, content_type, revision_position, digest, length, content)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """
            )
            try statement.execute(
                arguments: [
                    number, place, attachment.name, attachment.contentType, attachment.revisionPosition,
                    attachment.digest, attachment.length, attachment.content,
                ]
            )
        }
        return BodyNumber(number)
    }

    /// Stores what an attachment holds, unless it is there already.
    ///
    /// - Returns: The row of `contents`.
    func insert(content: [UInt8]) throws -> Int64 {
        let key = Data(SHA256.hash(data: content))
        let known = try db.cachedStatement(sql: "SELECT number FROM contents WHERE key = ?")
        if let number = try Int64.fetchOne(known, arguments: [key]) { return number }
        let statement = try db.cachedStatement(sql: "INSERT INTO contents (key, length) VALUES (?, ?)")
        try statement.execute(arguments: [key, content.count])
        let number = db.lastInsertedRowID
        let piece = try db.cachedStatement(sql: "INSERT INTO pieces (content, place, bytes) VALUES (?, ?, ?)")
        for start in stride(from: 0, to: content.count, by: Self.pieceSize) {
            let bytes = content[start..<min(start + Self.pieceSize, content.count)]
            try piece.execute(arguments: [number, start / Self.pieceSize, Data(bytes)])
        }
        return number
    }

    private func remove(_ number: BodyNumber) throws {
        let listed = try db.cachedStatement(sql: "SELECT DISTINCT content FROM attachments WHERE body = ?")
        let contents = try Int64.fetchAll(listed, arguments: [number.value])
        try db.cachedStatement(sql: "DELETE FROM bodies WHERE number = ?").execute(arguments: [number.value])
        for content in contents {
            let statement = try db.cachedStatement(
                sql: """
                    DELETE FROM contents
                    WHERE number = ?1 AND NOT EXISTS (SELECT 1 FROM attachments WHERE content = ?1)
                    """
            )
            try statement.execute(arguments: [content])
        }
    }
}

/// What a device's database keeps of a document at most, and what it demands of one.
struct StoreLimits: Sendable {
    /// How many revisions of each branch are known by name.
    var revisions = 1_000
    /// How many branches a document may have.
    var branches = 1_000
    var rules = DocumentRules()
}
