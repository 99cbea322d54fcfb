import CouchProtocol
import TestSupport
import Testing

/// The tree against a model that knows nothing of trees: a set of edges from each revision to the one before.
@Suite struct RevisionTreeModelTests {
    /// A history that really happened, of which replicas see parts.
    private struct History {
        var generator: SeededGenerator
        /// Each revision's whole path, newest first.
        var paths: [RevisionPath]
        /// Whether each revision deleted the document; a fact of the revision, the same wherever it is seen.
        var deleted: Set<RevisionID> = []

        init(seed: UInt64, edits: Int) {
            generator = SeededGenerator(seed: seed)
            paths = []
            for edit in 0..<edits {
                let hash = Self.hash(edit, &generator)
                let parent = paths.isEmpty || Int.random(in: 0..<12, using: &generator) == 0 ? nil : pick()
                let path = parent?.appending(hash) ?? RevisionPath(start: 1, hashes: [hash])
                paths.append(path)
                if Int.random(in: 0..<4, using: &generator) == 0 { deleted.insert(path.revision) }
            }
        }

        mutating func pick() -> RevisionPath {
            // The newest are edited most.
            let recent = Bool.random(using: &generator) ? paths.suffix(3) : paths[...]
            return recent[Int.random(in: recent.indices, using: &generator)]
        }

        /// Some of the paths, each cut as a replica with a revision limit would cut it.
        mutating func seen() -> [RevisionPath] {
            paths.filter { _ in Int.random(in: 0..<3, using: &generator) > 0 }
                .map { $0.prefix(Int.random(in: 1...12, using: &generator)) }
                .shuffled(using: &generator)
        }

        func status(_ path: RevisionPath) -> Tree.Status { deleted.contains(path.revision) ? .deleted : .available }

        func tree(_ paths: [RevisionPath]) throws -> Tree {
            var tree = Tree()
            for path in paths { try tree.merge(path, status: status(path)) }
            return tree
        }

        private static func hash(_ edit: Int, _ generator: inout SeededGenerator) -> RevisionHash {
            if Bool.random(using: &generator) { return .text(Array("edit\(edit)".utf8)) }
            return .digest(.random(in: .min ... .max, using: &generator), UInt64(edit))
        }
    }

    @Test(arguments: 0..<150)
    func `nothing is lost and nothing is made up`(seed: UInt64) throws {
        var history = History(seed: seed, edits: 40)
        let seen = history.seen()
        let tree = try history.tree(seen)
        var edges: [RevisionID: RevisionID] = [:]
        for path in seen {
            for (child, parent) in zip(path.revisions, path.revisions.dropFirst()) { edges[child] = parent }
        }
        let revisions = Set(seen.flatMap(\.revisions))
        #expect(Set(tree.nodes.map(\.id)) == revisions, "seed \(seed)")
        for node in tree.nodes { #expect(node.parent == edges[node.id], "seed \(seed)") }
        let leaves = revisions.subtracting(edges.values)
        #expect(Set(tree.leaves.map(\.id)) == leaves, "seed \(seed)")
        for revision in revisions { #expect(tree.isLeaf(revision) == leaves.contains(revision), "seed \(seed)") }
        let alive = leaves.filter { !history.deleted.contains($0) }
        #expect(tree.winner?.id == (alive.isEmpty ? leaves : alive).max(), "seed \(seed)")
        let bodies = Set(seen.map(\.revision))
        for node in tree.nodes { #expect((node.status == .missing) == !bodies.contains(node.id), "seed \(seed)") }
    }

    @Test(arguments: 200..<350)
    func `merging is commutative, associative and idempotent`(seed: UInt64) throws {
        var history = History(seed: seed, edits: 30)
        let (first, second, third) = (
            try history.tree(history.seen()), try history.tree(history.seen()), try history.tree(history.seen())
        )
        func merged(_ trees: Tree...) -> Tree { trees.reduce(into: Tree()) { $0.merge($1) } }
        #expect(merged(first, second) == merged(second, first), "seed \(seed)")
        #expect(merged(merged(first, second), third) == merged(first, merged(second, third)), "seed \(seed)")
        #expect(merged(first, first) == first, "seed \(seed)")
        #expect(merged(first, merged(first, second)) == merged(first, second), "seed \(seed)")
        #expect(merged(Tree(), first) == first, "seed \(seed)")
    }

    @Test(arguments: 400..<500)
    func `the order in which paths come does not matter`(seed: UInt64) throws {
        var history = History(seed: seed, edits: 30)
        let seen = history.seen()
        let tree = try history.tree(seen)
        for _ in 0..<5 {
            #expect(try history.tree(seen.shuffled(using: &history.generator)) == tree, "seed \(seed)")
        }
    }

    @Test(arguments: 500..<600)
    func `stemming keeps leaves, winner and the newest of each path`(seed: UInt64) throws {
        var history = History(seed: seed, edits: 40)
        let tree = try history.tree(history.paths.shuffled(using: &history.generator))
        for limit in [1, 2, 3, 7, 100] {
            var stemmed = tree
            let forgotten = stemmed.stem(to: limit)
            #expect(stemmed.leaves.map(\.id) == tree.leaves.map(\.id), "seed \(seed)")
            #expect(stemmed.winner?.id == tree.winner?.id, "seed \(seed)")
            var kept: Set<RevisionID> = []
            for leaf in tree.leaves { kept.formUnion(tree.path(to: leaf.id)?.revisions.prefix(limit) ?? []) }
            #expect(Set(stemmed.nodes.map(\.id)) == kept, "seed \(seed)")
            #expect(Set(forgotten) == Set(tree.nodes.map(\.id)).subtracting(kept), "seed \(seed)")
            var again = stemmed
            #expect(again.stem(to: limit).isEmpty && again == stemmed, "seed \(seed)")
            // What was forgotten comes back with the full paths.
            again.merge(tree)
            #expect(again.leaves.map(\.id) == tree.leaves.map(\.id), "seed \(seed)")
            #expect(Set(again.nodes.map(\.id)) == Set(tree.nodes.map(\.id)), "seed \(seed)")
        }
    }

    @Test(arguments: 700..<800)
    func `a tree survives its encoding`(seed: UInt64) throws {
        var history = History(seed: seed, edits: 40)
        let tree = try history.tree(history.seen())
        let bytes = tree.encoded
        #expect(try Tree(decoding: bytes) == tree, "seed \(seed)")
        for length in bytes.indices {
            #expect(throws: BinaryDecodingError.self) { try Tree(decoding: Array(bytes.prefix(length))) }
        }
        // Damaged bytes are an error or another tree, and never a crash.
        for _ in 0..<50 {
            var damaged = bytes
            damaged[Int.random(in: damaged.indices, using: &history.generator)] = .random(
                in: 0...255,
                using: &history.generator
            )
            if let other = try? Tree(decoding: damaged) { #expect(other.leafCount <= other.nodes.count) }
        }
    }

    @Test(arguments: 800..<900)
    func `purging leaves takes exactly what led to them alone`(seed: UInt64) throws {
        var history = History(seed: seed, edits: 30)
        var tree = try history.tree(history.paths)
        let before = tree
        let doomed = tree.leaves.map(\.id).filter { _ in Bool.random(using: &history.generator) }
        #expect(Set(tree.purge(doomed)) == Set(doomed), "seed \(seed)")
        var kept: Set<RevisionID> = []
        for leaf in before.leaves where !doomed.contains(leaf.id) {
            kept.formUnion(before.path(to: leaf.id)?.revisions ?? [])
        }
        #expect(Set(tree.nodes.map(\.id)) == kept, "seed \(seed)")
    }
}
