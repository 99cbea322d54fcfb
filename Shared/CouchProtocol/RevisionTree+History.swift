// What a tree answers about the ancestry of revisions.
extension RevisionTree {
    /// The revision with its ancestors as far as they are known; nil when the revision is not known.
    public func path(to id: RevisionID) -> RevisionPath? {
        let nodes = ancestry(of: id)
        return nodes.isEmpty ? nil : RevisionPath(start: id.generation, hashes: nodes.map { $0.id.hash })
    }

    /// The nodes of the revision and its ancestors, newest first: `_revs_info`.
    ///
    /// Empty when the revision is not known.
    public func ancestry(of id: RevisionID) -> [Node] {
        var result: [Node] = []
        var next = self[id]
        while let node = next {
            result.append(node)
            next = node.parent.flatMap { self[$0] }
        }
        return result
    }

    /// Those of these revisions that are not known, in their order: what `_revs_diff` calls missing.
    public func missing(of revisions: [RevisionID]) -> [RevisionID] {
        revisions.filter { !contains($0) }
    }

    /// The leaves from which the missing revisions may have come: those of a lesser generation than the greatest of
    /// them.
    public func possibleAncestors(of missing: [RevisionID]) -> [RevisionID] {
        guard let greatest = missing.lazy.map({ $0.generation }).max() else { return [] }
        return leaves.map { $0.id }.filter { $0.generation < greatest }
    }

    /// Forgets all but the newest revisions of each branch.
    ///
    /// - Parameter limit: How many revisions each branch keeps, its leaf included.
    /// - Returns: The revisions that were forgotten.
    @discardableResult
    public mutating func stem(to limit: Int) -> [RevisionID] {
        guard let last = nodes.last, nodes.count > limit || last.id.generation > limit else { return [] }
        let leaves = zip(nodes, leafFlags).filter { $0.1 }.map { $0.0 }
        var kept: Set<RevisionID> = []
        for leaf in leaves { kept.formUnion(ancestry(of: leaf.id).prefix(max(limit, 1)).map { $0.id }) }
        return keep(kept)
    }

    /// Forgets leaves, and what led to them alone, as if they had never been: `_purge`.
    ///
    /// - Parameter revisions: The leaves; revisions that are not leaves stay.
    /// - Returns: Those of them that were leaves.
    public mutating func purge(_ revisions: [RevisionID]) -> [RevisionID] {
        let doomed = Set(revisions)
        let (purged, staying) = leaves.reduce(into: ([RevisionID](), [RevisionID]())) { result, leaf in
            if doomed.contains(leaf.id) { result.0.append(leaf.id) } else { result.1.append(leaf.id) }
        }
        guard !purged.isEmpty else { return [] }
        var kept: Set<RevisionID> = []
        for leaf in staying { kept.formUnion(ancestry(of: leaf).map { $0.id }) }
        keep(kept)
        return revisions.filter(Set(purged).contains)
    }

    @discardableResult
    private mutating func keep(_ kept: Set<RevisionID>) -> [RevisionID] {
        guard kept.count < nodes.count else { return [] }
        let forgotten = nodes.map { $0.id }.filter { !kept.contains($0) }
        nodes.removeAll { !kept.contains($0.id) }
        for position in nodes.indices {
            if let parent = nodes[position].parent, !kept.contains(parent) { nodes[position].parentHash = nil }
        }
        return forgotten
    }
}
