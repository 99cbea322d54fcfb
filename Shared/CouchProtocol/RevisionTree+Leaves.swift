// What a tree answers about its leaves.
//
// Closures and not key paths: in a generic type a key path is made at run time each time that it is met, which was a
// quarter of what the endpoint did while documents were written.
extension RevisionTree {
    /// Whether each revision came from the one before it here, as with documents that never had a conflict: then the
    /// last is the only leaf.
    private var isLine: Bool {
        for place in nodes.indices.dropFirst() {
            let (node, next) = (nodes[place - 1], nodes[place])
            guard next.parentHash == node.id.hash, next.id.generation == node.id.generation + 1 else { return false }
        }
        return true
    }

    /// For each node whether no known revision came from it.
    var leafFlags: [Bool] {
        var flags = [Bool](repeating: true, count: nodes.count)
        for node in nodes {
            if let parent = node.parent, let position = position(of: parent) { flags[position] = false }
        }
        return flags
    }

    /// Whether no known revision came from that one.
    public func isLeaf(_ id: RevisionID) -> Bool {
        guard contains(id) else { return false }
        let children = nodes[insertionPoint(of: RevisionID(generation: id.generation + 1, hash: .text([])))...]
        return !children.prefix { $0.id.generation == id.generation + 1 }.contains { $0.parentHash == id.hash }
    }

    /// The leaves, the winner first: those alive before the deleted ones, then the greater revision before the lesser.
    public var leaves: [Node] {
        if isLine { return nodes.suffix(1) }
        return zip(nodes, leafFlags).filter { $0.1 }.map { $0.0 }.sorted(by: Self.wins)
    }

    /// How many leaves there are.
    public var leafCount: Int { isLine ? min(nodes.count, 1) : leafFlags.count { $0 } }

    /// The leaf that is the document: the greatest of those alive, or of all when none is.
    public var winner: Node? {
        if isLine { return nodes.last }
        return zip(nodes, leafFlags).filter { $0.1 }.map { $0.0 }.min(by: Self.wins)
    }

    /// Whether no leaf is alive.
    public var isDeleted: Bool { winner?.isDeleted ?? true }

    /// The leaves that are alive and are not the winner: `_conflicts`.
    public var conflicts: [RevisionID] {
        leaves.dropFirst().filter { !$0.isDeleted }.map { $0.id }
    }

    /// The leaves that are deleted and are not the winner: `_deleted_conflicts`.
    public var deletedConflicts: [RevisionID] {
        leaves.dropFirst().filter { $0.isDeleted }.map { $0.id }
    }

    /// The leaves that came from that revision, or the revision itself when it is one: what `latest=true` asks for.
    public func leaves(from id: RevisionID) -> [Node] { leaves(from: [id])[0] }

    /// For each of these revisions the leaves that came from it, the winner first, without those that came from one
    /// before it in the list.
    ///
    /// Each revision of the tree is met once, however many are asked for.
    public func leaves(from ids: [RevisionID]) -> [[Node]] {
        var met = [Bool](repeating: false, count: nodes.count)
        let children = isLine ? nil : childPlaces
        return ids.map { id in
            guard let place = position(of: id), !met[place] else { return [] }
            guard let children else {
                for index in nodes.indices { met[index] = true }
                return nodes.suffix(1)
            }
            var found: [Node] = []
            var open = [place]
            while let place = open.popLast() {
                met[place] = true
                if children[place].isEmpty { found.append(nodes[place]) }
                for child in children[place] where !met[child] { open.append(child) }
            }
            return found.sorted(by: Self.wins)
        }
    }

    /// For each node the places of those that came from it.
    private var childPlaces: [[Int]] {
        var children = [[Int]](repeating: [], count: nodes.count)
        for place in nodes.indices {
            if let parent = nodes[place].parent, let position = position(of: parent) {
                children[position].append(place)
            }
        }
        return children
    }

    private static func wins(_ lhs: Node, over rhs: Node) -> Bool {
        lhs.isDeleted != rhs.isDeleted ? rhs.isDeleted : lhs.id > rhs.id
    }
}
