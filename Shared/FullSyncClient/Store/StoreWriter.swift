import CouchProtocol
import Foundation
import GRDB
import JSON

/// One transaction on a device's database: what it changes is there as a whole or not at all.
struct StoreWriter {
    let db: Database
    let limits: StoreLimits
    /// The number of the newest change.
    private(set) var sequence: Int
    private let firstSequence: Int
    /// What the application should know about when the transaction has ended.
    var news = StoreNews()
    /// Contents of attachments that have come for the documents that are about to be taken.
    var arrivals: [AttachmentSource: Arrival] = [:]

    var reader: StoreReader { StoreReader(db: db, vault: limits.vault) }

    init(_ db: Database, limits: StoreLimits) throws {
        self.db = db
        self.limits = limits
        firstSequence = try StoreReader(db: db, vault: limits.vault).lastSequence()
        sequence = firstSequence
    }

    /// Whether a document has changed.
    var hasChanges: Bool { sequence != firstSequence }

    /// Writes what the changes have counted up to; the last thing that a transaction does.
    func finish() throws {
        guard hasChanges else { return }
        try db.cachedStatement(sql: "UPDATE state SET sequence = ?").execute(arguments: [sequence])
    }

    /// Does something within the transaction as a whole, or not at all when it fails; the transaction goes on.
    mutating func step<Value>(_ body: (inout StoreWriter) throws -> Value) throws -> Value {
        let (db, before) = (db, self)
        var value: Value?
        do {
            try db.inSavepoint {
                value = try body(&self)
                return .commit
            }
        } catch {
            self = before
            throw error
        }
        guard let value else { preconditionFailure("a step without a value") }
        return value
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
                INSERT INTO documents (id, sequence, is_deleted, is_local, tree, conflicts) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, is_deleted = excluded.is_deleted,
                    is_local = excluded.is_local, tree = excluded.tree, conflicts = excluded.conflicts
                """
        )
        let conflicts = document.tree.leafCount > 1 ? document.tree.conflicts.count : 0
        // What a transaction does to a document step by step is one change for the application.
        news.conflicts.removeAll { $0 == id }
        if conflicts > 0 { news.conflicts.append(id) }
        try statement.execute(
            arguments: [
                id.text, sequence, document.tree.isDeleted, document.isLocal, Data(document.tree.encoded), conflicts,
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
        try statement.execute(arguments: [
            limits.vault.sealed(body.body), body.owner, groups, !body.attachments.isEmpty,
        ])
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
                    try limits.vault.sealed(Array(attachment.digest.utf8)), attachment.length, attachment.content,
                ]
            )
        }
        return BodyNumber(number)
    }

    /// Removes a document with all that is known of it, as if it had never been there; no change tells it.
    func remove(_ id: DocumentID, _ document: StoredDocument) throws {
        try db.cachedStatement(sql: "DELETE FROM documents WHERE id = ?").execute(arguments: [id.text])
        for number in document.tree.nodes.compactMap({ $0.payload }) { try remove(number) }
    }

    /// Removes a body with its attachments, and their contents where no other body has them.
    func remove(_ number: BodyNumber) throws {
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

/// What a transaction came to that concerns the application.
struct StoreNews: Hashable, Sendable {
    /// Documents with several present revisions, among those that changed or of which a refused edit was forgotten.
    var conflicts: [DocumentID] = []
    /// Documents whose edits were kept aside because they left the device.
    var kept: [DocumentID] = []
}

/// What a device's database keeps of a document at most, and what it demands of one.
struct StoreLimits: Sendable {
    /// How many revisions of each branch are known by name.
    var revisions = 1_000
    /// How many branches a document may have.
    var branches = 1_000
    var rules = DocumentRules()
    /// Seals what goes to the disk.
    var vault = Vault.open
    var blocks = BlockSizes()
}
