/// The history of a document: every revision that is known of it, and which came from which.
///
/// The semantics are those of CouchDB's `couch_key_tree.erl`. Replicas that edit on their own make branches; when they
/// meet, each takes over the other's. Two leaves that are both alive are a conflict, and every replica shows the same
/// one as the winner. Old ancestors are forgotten (stemming), so a tree can have several roots, whose generation is
/// then greater than 1.
///
/// A revision is known by its name. The nodes are kept sorted by it and say the hash of their parent, whose generation
/// is one less; so equal trees are equal values, in whatever order they were merged.
///
/// Public, as what it is made of, although only this package uses it: of what is less than public the compiler makes no
/// code for the types of other modules, and every write and read goes through a tree.
public struct RevisionTree<Payload: Hashable & Sendable>: Hashable, Sendable {
    /// What is known of the body of a revision.
    public enum Status: UInt8, Sendable {
        /// The revision is known by name only: an ancestor that another replica told of, or one that was compacted.
        case missing = 0
        /// The revision has a body.
        case available = 1
        /// The revision deleted the document.
        case deleted = 2
    }

    /// One revision.
    public struct Node: Hashable, Sendable {
        public let id: RevisionID
        /// The hash of the revision before; nil when it is not known, or when there is none.
        public internal(set) var parentHash: RevisionHash?
        public internal(set) var status: Status
        /// What the store keeps about the revision.
        public internal(set) var payload: Payload?

        /// The revision before, when it is known.
        public var parent: RevisionID? {
            parentHash.map { RevisionID(generation: id.generation - 1, hash: $0) }
        }

        /// Whether the revision deleted the document.
        public var isDeleted: Bool { status == .deleted }
    }

    /// The revisions, from the least to the greatest.
    public internal(set) var nodes: [Node] = []

    /// A tree without revisions.
    public init() {}

    /// Whether no revision is known.
    public var isEmpty: Bool { nodes.isEmpty }

    /// The node of that revision, or nil when the revision is not known.
    public subscript(id: RevisionID) -> Node? {
        position(of: id).map { nodes[$0] }
    }

    /// Whether the revision is known, if only by name.
    public func contains(_ id: RevisionID) -> Bool { position(of: id) != nil }

    /// Where the revision stands among the nodes.
    func position(of id: RevisionID) -> Int? {
        let place = insertionPoint(of: id)
        return place < nodes.count && nodes[place].id == id ? place : nil
    }

    /// Where the revision stands, or would stand.
    func insertionPoint(of id: RevisionID) -> Int {
        // Most look-ups are for the newest.
        if let last = nodes.last, last.id < id { return nodes.count }
        var low = 0
        var high = nodes.count
        while low < high {
            let middle = (low + high) / 2
            if nodes[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

// MARK: - Changing what is known of one revision

extension RevisionTree {
    /// Sets what the store keeps about a revision; nothing when the revision is not known.
    public mutating func setPayload(_ payload: Payload?, of id: RevisionID) {
        guard let position = position(of: id) else { return }
        nodes[position].payload = payload
    }

    /// Forgets the bodies of all revisions that are not leaves, as compaction does.
    ///
    /// - Returns: The revisions whose bodies are no longer needed.
    @discardableResult
    public mutating func forgetAncestorBodies() -> [RevisionID] {
        let leaves = leafFlags
        var forgotten: [RevisionID] = []
        for position in nodes.indices where !leaves[position] && nodes[position].status != .missing {
            nodes[position].status = .missing
            nodes[position].payload = nil
            forgotten.append(nodes[position].id)
        }
        return forgotten
    }
}
