package import CouchProtocol
import JSON

/// Who may read and write what: the only place where rights are decided (contract, section 2.3).
package struct AccessRules: Sendable {
    let settings: DatabaseSettings

    package init(_ settings: DatabaseSettings) {
        self.settings = settings
    }

    /// Whether the caller may read the database at all: by its settings and by its security object.
    package static func mayOpen(_ database: Database, _ caller: Caller) -> Bool {
        switch caller {
        case .administrator, .sequence: true
        case .anonymous: database.settings.anonymousRead && database.security.isOpen
        case .user(let name, let groups): database.security.admits(name, groups)
        }
    }

    /// Whether the caller may read a revision with these tags.
    package func mayRead(_ tags: Tags, _ caller: Caller) -> Bool {
        switch caller {
        case .administrator, .sequence: true
        case .anonymous: tags.isEverybodys
        case .user(let name, let groups):
            // Looked up and not compared as sets of feeds: this is asked of every row, and some users are in hundreds.
            tags.isEverybodys || tags.owner.map { $0.isSame(as: name) } ?? false
                || tags.groups.contains { groups.contains(ExactText($0)) }
        }
    }

    /// What the caller may know of a document's history: the leaves that the caller may read and what led to them.
    ///
    /// - Returns: Nil when there is no such leaf, as if there were no such document.
    func visible(_ tree: RevisionTree<Tags>, to caller: Caller) -> RevisionTree<Tags>? {
        guard caller.isRestricted else { return tree }
        var visible = tree
        _ = visible.purge(tree.leaves.filter { !mayRead($0.payload ?? .none, caller) }.map(\.id))
        return visible.isEmpty ? nil : visible
    }

    /// The tags of a document that the caller makes.
    ///
    /// - Parameter asked: The tags in the body; nil members were not mentioned.
    /// - Throws: `forbidden` when the caller may not make it so.
    package func tagsOfNew(_ asked: AskedTags, _ caller: Caller) throws(CouchError) -> Tags {
        switch caller {
        case .administrator, .sequence:
            return Tags(owner: asked.owner.value ?? nil, groups: asked.groups ?? [])
        case .user(let name, _):
            let groups = asked.groups ?? []
            guard caller.isMember(ofAll: groups.map(Feed.group)) else { throw Self.refused }
            return Tags(owner: name, groups: groups)
        case .anonymous:
            throw Self.refused
        }
    }

    /// The tags of a revision by which the caller follows one with the tags `current`.
    ///
    /// A user who does not mention the groups leaves them as they are; the owner always stays.
    ///
    /// - Throws: `forbidden` when the caller may not change the document, or not so.
    package func tagsOfNext(_ asked: AskedTags, after current: Tags, _ caller: Caller) throws(CouchError) -> Tags {
        switch caller {
        case .administrator, .sequence:
            return asked.over(current)
        case .user:
            let isTagged = current != .none
            guard isTagged ? mayRead(current, caller) : settings.publicWrites else { throw Self.refused }
            let groups = asked.groups ?? current.groups
            let changed = Set(groups.map(Feed.group)).symmetricDifference(current.groups.map(Feed.group))
            guard caller.isMember(ofAll: changed) else { throw Self.refused }
            let next = Tags(owner: current.owner, groups: groups)
            // Without its last tag the document would become everybody's, which is not a user's to decide.
            guard !isTagged || next != .none else { throw Self.refused }
            return next
        case .anonymous:
            throw Self.refused
        }
    }

    /// The tags of a revision that a user made elsewhere, not knowing the tags `current` that the document has by now.
    ///
    /// Groups that are not the user's are none of the edit's business: they are as they are, whatever the body says.
    ///
    /// - Throws: `forbidden` as ``tagsOfNext(_:after:_:)`` does.
    func tagsOfOffline(_ asked: AskedTags, after current: Tags, _ caller: Caller) throws(CouchError) -> Tags {
        var asked = asked
        if let groups = asked.groups {
            asked.groups =
                groups.filter { caller.isMember(ofAll: [.group($0)]) }
                + current.groups.filter { !caller.isMember(ofAll: [.group($0)]) }
        }
        return try tagsOfNext(asked, after: current, caller)
    }

    /// The one answer to every write that is not allowed, so that it tells nothing about the document.
    static let refused = CouchError.forbidden("You may not write this document.")
}

/// The tags that a body mentions.
package struct AskedTags: Sendable, Hashable {
    /// Whether the owner is mentioned, and who it is; null takes the owner away.
    package enum Owner: Sendable, Hashable {
        case unmentioned
        case named(String?)

        /// The owner, when one is mentioned.
        var value: String?? {
            guard case .named(let owner) = self else { return nil }
            return .some(owner)
        }
    }

    package var owner: Owner
    /// Nil when they are not mentioned.
    package var groups: [String]?

    package init(owner: Owner = .unmentioned, groups: [String]? = nil) {
        self.owner = owner
        self.groups = groups
    }

    /// The tags of what follows a revision that has those.
    func over(_ current: Tags) -> Tags {
        Tags(owner: owner.value ?? current.owner, groups: groups ?? current.groups)
    }

    /// Exactly these tags.
    package init(_ tags: Tags) {
        owner = .named(tags.owner)
        groups = tags.groups
    }
}
