package import CouchProtocol
import JSON

/// A database as the store knows it: what a request reads once and then passes on.
package struct Database: Sendable, Hashable {
    /// The key of its rows.
    package let id: Int32
    package let name: String
    /// Changes when the database is made anew or restored: checkpoints of before do not count.
    package let incarnation: String
    /// The incarnation that it was made with, by which what is restored with it knows it again: followers' positions.
    package let originalIncarnation: String
    package internal(set) var settings: DatabaseSettings
    /// Whom its security object lets in.
    package internal(set) var security = DatabaseSecurity()
}

extension Database {
    /// What this database demands of documents.
    package var documentRules: DocumentRules { documentRules(over: DocumentRules()) }

    /// What this database demands of documents, besides what those of all databases have to be.
    package func documentRules(over common: DocumentRules) -> DocumentRules {
        var rules = common
        rules.ownerMember = settings.ownerMember
        rules.groupsMember = settings.groupsMember
        return rules
    }
}

/// What an administrator may set of a database (`PUT /_fullsync/databases/<database>`).
package struct DatabaseSettings: Sendable, Hashable {
    /// Whether callers without credentials may read what is everybody's.
    package var anonymousRead = false
    /// Whether users may change documents that are everybody's.
    package var publicWrites = false
    /// The member that shows a document's owner.
    package var ownerMember = "~owner"
    /// The member that shows a document's groups.
    package var groupsMember = "~groups"
    /// How many revisions back a document remembers its history.
    package var revisionLimit = 20

    package init() {}

    /// Refuses settings that a database cannot have.
    func check() throws(CouchError) {
        let limits = DocumentRules.revisionLimits
        guard limits ~= revisionLimit else {
            throw .badRequest("The revision limit is not between \(limits.lowerBound) and \(limits.upperBound).")
        }
        for member in [ownerMember, groupsMember] {
            // `_id`, `_rev` and their like are CouchDB's.
            guard 1...100 ~= member.utf8.count, member.utf8.first != UInt8(ascii: "_"),
                !member.utf8.contains(0)
            else {
                throw .badRequest("'\(member)' cannot be the name of a member for tags.")
            }
        }
        guard ownerMember != groupsMember else { throw .badRequest("The members for owner and groups are the same.") }
    }
}
