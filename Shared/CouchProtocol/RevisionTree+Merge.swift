/// What a merge did to a tree, in the words of `couch_key_tree.erl`.
public enum RevisionMerge: Hashable, Sendable {
    /// The revision follows a leaf, or is the first of all.
    case newLeaf
    /// The revision is a leaf of a branch that was not there: a conflict, unless one of the sides is deleted.
    case newBranch
    /// The revision was known already.
    case internalNode
}

extension RevisionTree {
    /// Takes over a revision and the names of its ancestors.
    ///
    /// What is known stays known: a merge never takes a body or a parent away. Ancestors beyond one that has another
    /// parent here, which only a forged history can bring, are left out.
    ///
    /// - Parameters:
    ///   - path: The revision and its ancestors.
    ///   - status: What is known of the revision's body.
    ///   - payload: What the store keeps about the revision.
    ///   - branchLimit: How many leaves the tree may have; a revision that would make one more is refused.
    @discardableResult
    public mutating func merge(
        _ path: RevisionPath,
        status: Status,
        payload: Payload? = nil,
        branchLimit: Int = .max
    ) throws(CouchError) -> RevisionMerge {
        let revisions = path.revisions
        let anchor = revisions.firstIndex(where: contains)
        let outcome = outcome(of: anchor, in: revisions)
        if outcome == .newBranch {
            guard leafCount < branchLimit else { throw .tooManyBranches(limit: branchLimit) }
        }
        for index in revisions.indices.prefix(anchor ?? revisions.count).reversed() {
            let isRevision = index == revisions.startIndex
            insert(
                Node(
                    id: revisions[index],
                    parentHash: index + 1 < revisions.count ? revisions[index + 1].hash : nil,
                    status: isRevision ? status : .missing,
                    payload: isRevision ? payload : nil
                )
            )
        }
        if anchor == revisions.startIndex { fill(revisions[0], status: status, payload: payload) }
        if let anchor { extend(upwardFrom: anchor, along: revisions) }
        return outcome
    }

    /// Takes over all that another tree knows.
    public mutating func merge(_ other: RevisionTree) {
        for node in other.nodes.reversed() {
            // A path of two is enough: the parent's own parent comes with the parent.
            let hashes = [node.id.hash] + (node.parentHash.map { [$0] } ?? [])
            let path = RevisionPath(start: node.id.generation, hashes: hashes)
            do {
                try merge(path, status: node.status, payload: node.payload)
            } catch {
                preconditionFailure("a merge without a limit refused a branch")
            }
        }
    }

    private func outcome(of anchor: Int?, in revisions: [RevisionID]) -> RevisionMerge {
        guard let anchor else { return isEmpty ? .newLeaf : .newBranch }
        guard anchor > 0 else { return .internalNode }
        return isLeaf(revisions[anchor]) ? .newLeaf : .newBranch
    }

    private mutating func insert(_ node: Node) {
        nodes.insert(node, at: insertionPoint(of: node.id))
    }

    /// Gives a revision that was known by name only its body.
    private mutating func fill(_ id: RevisionID, status: Status, payload: Payload?) {
        guard let position = position(of: id), nodes[position].status == .missing, status != .missing else { return }
        nodes[position].status = status
        nodes[position].payload = payload
    }

    /// Gives roots on the path, which stemming made, their ancestors back.
    private mutating func extend(upwardFrom anchor: Int, along revisions: [RevisionID]) {
        for index in revisions.indices.dropFirst(anchor).dropLast() {
            guard let position = position(of: revisions[index]) else { return }
            let parent = revisions[index + 1]
            if let known = nodes[position].parentHash {
                guard known == parent.hash else { return }
                continue
            }
            nodes[position].parentHash = parent.hash
            if !contains(parent) { insert(Node(id: parent, parentHash: nil, status: .missing, payload: nil)) }
        }
    }
}
