import CouchProtocol
import Foundation
import GRDB
import JSON

extension SQLiteReplica {
    /// The names that the server gave the tags of its documents; nil when it was never asked.
    static func tagNames(_ db: Database) throws -> TagNames? {
        guard let row = try Row.fetchOne(db, sql: "SELECT owner_member, groups_member FROM state"),
            let owner: String = row[0], let groups: String = row[1]
        else { return nil }
        return TagNames(owner: owner, groups: groups)
    }
}

extension StoreWriter {
    /// Notes how the server calls the tags of its documents, and takes them out of the bodies that have them as any
    /// other member.
    func rename(from rules: DocumentRules, to names: TagNames) throws {
        try db.execute(
            sql: "UPDATE state SET owner_member = ?, groups_member = ?",
            arguments: [names.owner, names.groups]
        )
        guard rules.tagNames != names else { return }
        var rules = rules
        rules.tagNames = names
        rules.bodyLimit = .max
        rules.json = .unlimited
        var last: Int64 = 0
        while let row = try Row.fetchOne(
            db,
            sql: "SELECT number, body FROM bodies WHERE number > ? ORDER BY number LIMIT 1",
            arguments: [last]
        ) {
            last = row[0]
            // A tag that makes no sense is none.
            guard let document = try? IncomingDocument(parsing: try reader.vault.opened(row[1]), rules: rules),
                document.mentionsOwner || document.groups != nil
            else { continue }
            let groups = document.groups.flatMap { $0.isEmpty ? nil : JSONValue.array($0.map { .string($0) }).text }
            try db.execute(
                sql: """
                    UPDATE bodies SET body = ?, owner = coalesce(?, owner), group_names = coalesce(?, group_names)
                    WHERE number = ?
                    """,
                arguments: [limits.vault.sealed(document.body), document.owner, groups, last]
            )
        }
    }
}
