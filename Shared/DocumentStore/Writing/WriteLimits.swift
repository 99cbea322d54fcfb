import CouchProtocol
package import Settings

/// How large what is written may make a document, each with a setting of the services that write.
///
/// A document that exists is never refused for a limit that was lowered since, except that it cannot grow.
package struct WriteLimits: Sendable {
    /// How many bytes the id of a new document may have.
    package var idLength = 512
    /// How many branches a document may have: more would be a mistake of some client, and hurt everybody.
    package var branches = 1_000
    /// How many branches that a user may see the user may add to.
    package var userBranches = 100
    /// How often one document is changed at once.
    package var edits = 1_000
    /// How often one document is changed at once for a user, while others wait.
    package var userEdits = 100
    /// How many bytes a document's history may have that gets another branch.
    ///
    /// What goes on from a leaf has as much again. Every look at a document with branches reads all of it.
    package var history = 256 << 10
    /// How many `_local` documents a user may have in a database: a replicator needs one for each replication.
    package var localDocuments = 10_000

    /// The limits when nothing is set.
    package init() {}
}

/// What can be set of the size of documents, the same in every service that writes some.
package enum WriteSettings {
    private static let standard = WriteLimits()

    /// The longest id, also for those who look at documents before they are written.
    package static let idLength = Setting(
        "document.id",
        .int(32...DocumentID.greatestLength),
        default: standard.idLength,
        "How many bytes the id of a new document may have."
    )
    fileprivate static let branches = Setting(
        "document.branches",
        .int(1...10_000),
        default: standard.branches,
        "How many branches of conflicting revisions a document may have."
    )
    fileprivate static let userBranches = Setting(
        "document.userBranches",
        .int(1...10_000),
        default: standard.userBranches,
        "To how many branches of a document a user may add another one."
    )
    fileprivate static let edits = Setting(
        "document.edits",
        .int(1...10_000),
        default: standard.edits,
        "How often one request may change the same document."
    )
    fileprivate static let userEdits = Setting(
        "document.userEdits",
        .int(1...10_000),
        default: standard.userEdits,
        "How often one request of a user may change the same document."
    )
    fileprivate static let history = Setting(
        "document.history",
        .bytes(16 << 10...16 << 20),
        default: standard.history,
        "How large a document's revision tree may be that gets another branch; without one, twice as large."
    )

    fileprivate static let localDocuments = Setting(
        "document.local",
        .int(1...1_000_000),
        default: standard.localDocuments,
        "How many _local documents a user may have in a database."
    )

    package static let all: [any SettingDeclaration] = [
        idLength, branches, userBranches, edits, userEdits, history, localDocuments,
    ]
}

extension WriteLimits {
    /// The limits as they are set.
    package init(_ settings: SettingReader) throws {
        idLength = try settings[WriteSettings.idLength]
        branches = try settings[WriteSettings.branches]
        userBranches = try settings[WriteSettings.userBranches]
        edits = try settings[WriteSettings.edits]
        userEdits = try settings[WriteSettings.userEdits]
        history = try settings[WriteSettings.history]
        localDocuments = try settings[WriteSettings.localDocuments]
    }
}
