import CouchProtocol
import JSON

/// Whom a revision belongs to: nobody (and so everybody), or an owner, or groups, or both.
package struct Tags: Sendable, Hashable {
    package var owner: String?
    package var groups: [String]

    package init(owner: String? = nil, groups: [String] = []) {
        self.owner = owner
        self.groups = groups
    }

    /// Everybody's.
    package static let none = Tags()

    /// The feeds in which a revision with these tags is.
    var feeds: Set<Feed> {
        var feeds = Set(groups.map(Feed.group))
        if let owner { feeds.insert(.owner(owner)) }
        return feeds.isEmpty ? [.everybody] : feeds
    }

    /// Whether there is neither an owner nor a group.
    var isEverybodys: Bool { owner == nil && groups.isEmpty }

    /// Whether both belong to the same: texts that Unicode calls equivalent are different names, and the order of the
    /// groups says nothing.
    package static func == (lhs: Tags, rhs: Tags) -> Bool {
        guard lhs.groups.count + rhs.groups.count > 0 else {
            switch (lhs.owner, rhs.owner) {
            case (nil, nil): return true
            case (let left?, let right?): return left.isSame(as: right)
            default: return false
            }
        }
        return (lhs.owner == nil) == (rhs.owner == nil) && lhs.feeds == rhs.feeds
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(feeds)
    }

    /// Refuses names that cannot be kept.
    ///
    /// What a client sends was looked at before; this is for the tags that sequences make.
    func check() throws(CouchError) {
        guard groups.count <= Self.limits.groupLimit else {
            throw .documentValidation("A document may have \(Self.limits.groupLimit) groups at most")
        }
        for name in groups + [owner].compactMap(\.self) {
            guard 1...Self.limits.tagLengthLimit ~= name.utf8.count, !name.utf8.contains(0) else {
                throw .documentValidation("The name of an owner or of a group is empty, too long or has U+0000 in it")
            }
        }
    }

    private static let limits = DocumentRules()

    /// The groups as the text of a JSON array, as the store keeps them.
    var groupsText: [UInt8] { JSONValue.array(groups.map(JSONValue.string)).bytes }
}

/// One stream of changes of a database: those of everybody, of an owner, or of a group; or what a user lost by leaving
/// groups.
///
/// Equal by the bytes of its name: texts that Unicode calls equivalent are different users.
package enum Feed: Sendable, Hashable {
    case everybody
    case owner(String)
    case group(String)
    case revoked(String)

    /// The column `kind` of the table `feeds`.
    var kind: String {
        switch self {
        case .everybody: "everybody"
        case .owner: "owner"
        case .group: "group"
        case .revoked: "revoked"
        }
    }

    /// The feed as one text, `kind:name`, as messages name it.
    package var text: String { "\(kind):\(name)" }

    /// The feed of that kind and name.
    init(kind: String, name: String) {
        self =
            switch kind {
            case "owner": .owner(name)
            case "group": .group(name)
            case "revoked": .revoked(name)
            default: .everybody
            }
    }

    /// The feed that ``text`` names.
    package init(text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        self.init(kind: parts[0], name: parts.count > 1 ? parts[1] : "")
    }

    /// The column `name` of the table `feeds`.
    var name: String {
        switch self {
        case .everybody: ""
        case .owner(let name), .group(let name), .revoked(let name): name
        }
    }

    package static func == (lhs: Feed, rhs: Feed) -> Bool {
        switch (lhs, rhs) {
        case (.everybody, .everybody): true
        case (.owner(let left), .owner(let right)), (.group(let left), .group(let right)),
            (.revoked(let left), .revoked(let right)):
            left.isSame(as: right)
        default: false
        }
    }

    package func hash(into hasher: inout Hasher) {
        switch self {
        case .everybody: hasher.combine(0 as UInt8)
        case .owner: hasher.combine(1 as UInt8)
        case .group: hasher.combine(2 as UInt8)
        case .revoked: hasher.combine(3 as UInt8)
        }
        hasher.combine(bytesOf: name)
    }
}

extension String {
    /// Whether both are the same bytes: texts that Unicode calls equivalent are different names.
    func isSame(as other: String) -> Bool { utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8) }
}
