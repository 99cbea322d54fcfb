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
/// All of it is inlinable, so that each store has it made for its own payload: every write and read goes through a tree,
/// and as generic code it was a third of what the endpoint did while documents were written.
package struct RevisionTree<Payload: Hashable & Sendable>: Hashable, Sendable {
    /// What is known of the body of a revision.
    package enum Status: UInt8, Sendable {
        /// The revision is known by name only: an ancestor that another replica told of, or one that was compacted.
        case missing = 0
        /// The revision has a body.
        case available = 1
        /// The revision deleted the document.
        case deleted = 2
    }

    /// One revision.
    package struct Node: Hashable, Sendable {
        package let id: RevisionID
        /// The hash of the revision before; nil when it is not known, or when there is none.
        package var parentHash: RevisionHash?
        package var status: Status
        /// What the store keeps about the revision.
        package var payload: Payload?

        @inlinable package init(id: RevisionID, parentHash: RevisionHash?, status: Status, payload: Payload?) {
            self.id = id
            self.parentHash = parentHash
            self.status = status
            self.payload = payload
        }

        /// The revision before, when it is known.
        @inlinable package var parent: RevisionID? {
            parentHash.map { RevisionID(generation: id.generation - 1, hash: $0) }
        }

        /// Whether the revision deleted the document.
        @inlinable package var isDeleted: Bool { status == .deleted }
    }

    /// The revisions, from the least to the greatest.
    package var nodes: [Node] = []

    /// A tree without revisions.
    @inlinable package init() {}

    /// Whether no revision is known.
    @inlinable package var isEmpty: Bool { nodes.isEmpty }

    /// The node of that revision, or nil when the revision is not known.
    @inlinable package subscript(id: RevisionID) -> Node? {
        position(of: id).map { nodes[$0] }
    }

    /// Whether the revision is known, if only by name.
    @inlinable package func contains(_ id: RevisionID) -> Bool { position(of: id) != nil }

    /// Where the revision stands among the nodes.
    @inlinable package func position(of id: RevisionID) -> Int? {
        let place = insertionPoint(of: id)
        return place < nodes.count && nodes[place].id == id ? place : nil
    }

    /// Where the revision stands, or would stand.
    @inlinable package func insertionPoint(of id: RevisionID) -> Int {
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
    @inlinable package mutating func setPayload(_ payload: Payload?, of id: RevisionID) {
        guard let position = position(of: id) else { return }
        nodes[position].payload = payload
    }

    /// Forgets the bodies of all revisions that are not leaves, as compaction does.
    ///
    /// - Returns: The revisions whose bodies are no longer needed.
    @discardableResult
    @inlinable package mutating func forgetAncestorBodies() -> [RevisionID] {
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
