package import JSON

/// On whose behalf documents are read or written.
package enum Caller: Sendable, Hashable {
    /// Sees and changes everything.
    case administrator(name: String)
    /// Sees and changes what contract section 2.3 allows.
    case user(name: String, groups: Set<ExactText>)
    /// Nobody: sees what is everybody's, where the database lets it.
    case anonymous
    /// A run of a sequence: sees and changes everything; `user` is whom it runs for, and `lineage` the names of the
    /// listeners that led to it, by which they know their own doing.
    case sequence(user: String?, lineage: [String] = [])

    /// The feeds that make up what the caller may read; nil for one who may read all.
    package var feeds: Set<Feed>? {
        switch self {
        case .administrator, .sequence: nil
        case .user(let name, let groups): Set(groups.map { .group($0.text) }).union([.owner(name), .everybody])
        case .anonymous: [.everybody]
        }
    }

    /// Whether there may be documents that the caller may not read.
    var isRestricted: Bool {
        switch self {
        case .administrator, .sequence: false
        case .user, .anonymous: true
        }
    }

    /// The feeds that the caller's changes are read from: also what the caller lost by leaving groups, or gave away.
    package var readFeeds: Set<Feed>? {
        guard case .user(let name, _) = self else { return feeds }
        return feeds?.union([.revoked(name)])
    }

    /// The feed of what the caller lost by leaving groups, or gave away; nil for those who are in none.
    var lossFeed: Feed? {
        guard case .user(let name, _) = self else { return nil }
        return .revoked(name)
    }

    /// The caller with these groups, where the caller is a user.
    func with(groups: Set<ExactText>) -> Caller {
        guard case .user(let name, _) = self else { return self }
        return .user(name: name, groups: groups)
    }

    /// Whether the caller is in each of these groups.
    func isMember(ofAll groups: some Sequence<Feed>) -> Bool {
        feeds?.isSuperset(of: groups) ?? true
    }

    /// Who is named as the author of what the caller writes.
    var author: String? {
        switch self {
        case .administrator(let name), .user(let name, _): name
        case .anonymous: nil
        case .sequence(let user, _): user
        }
    }

    /// The listeners that led to what the caller writes.
    var lineage: [String] {
        if case .sequence(_, let lineage) = self { lineage } else { [] }
    }

    /// Where the caller's writes come from, as change events name it.
    var origin: String {
        switch self {
        case .administrator: "admin"
        case .user, .anonymous: "device"
        case .sequence: "sequence"
        }
    }

    /// Whose `_local` documents the caller has.
    var localOwner: String {
        switch self {
        case .administrator, .sequence, .anonymous: ""
        case .user(let name, _): name
        }
    }
}
