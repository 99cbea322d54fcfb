/// A database as the store knows it: what a request reads once and then passes on.
package struct Database: Sendable, Hashable {
    /// The key of its rows.
    let id: Int32
    package let name: String
    /// Changes when the database is made anew or restored: checkpoints of before do not count.
    package let incarnation: String
    package let settings: DatabaseSettings
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
}

/// The figures of a database, as `GET /<database>` answers them.
package struct DatabaseInfo: Sendable {
    package let updateSeq: Int
    package let documents: Int
    package let deleted: Int
    package let createdSecondsSince1970: Int
}
