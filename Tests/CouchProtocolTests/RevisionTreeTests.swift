import CouchProtocol
import Testing

typealias Tree = RevisionTree<NoPayload>

/// A path written newest first: `path(3, "c", "b", "a")`.
func path(_ start: Int, _ hashes: String...) -> RevisionPath {
    RevisionPath(start: start, hashes: hashes.map { .text(Array($0.utf8)) })
}

/// A revision written `3-c`.
func rev(_ text: String) throws -> RevisionID { try RevisionID(parsing: text) }

/// Revisions as text.
func texts(_ revisions: [RevisionID]) -> [String] { revisions.map(\.description) }

/// The cases of CouchDB's `couch_key_tree_tests.erl`, and what the store asks of a tree.
@Suite struct RevisionTreeTests {
    @Test func `the first revision is a new leaf`() throws {
        var tree = Tree()
        #expect(try tree.merge(path(1, "a"), status: .available) == .newLeaf)
        #expect(tree.winner?.id == (try rev("1-a")))
        #expect(texts(tree.leaves.map(\.id)) == ["1-a"])
    }

    @Test func `a revision that follows a leaf is a new leaf`() throws {
        var tree = Tree()
        try tree.merge(path(1, "a"), status: .available)
        #expect(try tree.merge(path(2, "b", "a"), status: .available) == .newLeaf)
        #expect(tree.leafCount == 1)
        #expect(tree.path(to: try rev("2-b")) == path(2, "b", "a"))
    }

    @Test func `a revision that is known is an internal node`() throws {
        var tree = Tree()
        try tree.merge(path(2, "b", "a"), status: .available)
        let before = tree
        #expect(try tree.merge(path(2, "b", "a"), status: .available) == .internalNode)
        #expect(try tree.merge(path(1, "a"), status: .missing) == .internalNode)
        #expect(tree == before)
    }

    @Test func `a revision that follows an inner one is a new branch`() throws {
        var tree = Tree()
        try tree.merge(path(2, "b", "a"), status: .available)
        #expect(try tree.merge(path(2, "c", "a"), status: .available) == .newBranch)
        #expect(texts(tree.leaves.map(\.id)) == ["2-c", "2-b"])
        #expect(texts(tree.conflicts) == ["2-b"])
    }

    @Test func `a revision without a common ancestor is a new branch`() throws {
        var tree = Tree()
        try tree.merge(path(1, "a"), status: .available)
        #expect(try tree.merge(path(1, "b"), status: .available) == .newBranch)
        #expect(try tree.merge(path(5, "x"), status: .available) == .newBranch)
        #expect(texts(tree.leaves.map(\.id)) == ["5-x", "1-b", "1-a"])
    }

    @Test func `a stemmed path joins the tree where they meet`() throws {
        var tree = Tree()
        try tree.merge(path(3, "c", "b", "a"), status: .available)
        #expect(try tree.merge(path(4, "d", "c"), status: .available) == .newLeaf)
        #expect(tree.path(to: try rev("4-d")) == path(4, "d", "c", "b", "a"))
    }

    @Test func `a stemmed tree gets its ancestors back`() throws {
        var tree = Tree()
        try tree.merge(path(4, "d", "c"), status: .available)
        #expect(try tree.merge(path(5, "e", "d", "c", "b", "a"), status: .available) == .newLeaf)
        #expect(tree.path(to: try rev("5-e")) == path(5, "e", "d", "c", "b", "a"))
        #expect(tree[try rev("1-a")]?.status == .missing)
    }

    @Test func `two stemmed branches are joined by a path that holds both roots`() throws {
        var tree = Tree()
        try tree.merge(path(3, "x", "b"), status: .available)
        try tree.merge(path(2, "y", "a"), status: .available)
        #expect(tree.leafCount == 2)
        try tree.merge(path(2, "b", "a"), status: .missing)
        #expect(tree.path(to: try rev("3-x")) == path(3, "x", "b", "a"))
        #expect(tree.leafCount == 2)
    }

    @Test func `a body that was missing is filled in and never taken away`() throws {
        var tree = Tree()
        try tree.merge(path(2, "b", "a"), status: .available)
        #expect(tree[try rev("1-a")]?.status == .missing)
        try tree.merge(path(1, "a"), status: .available)
        #expect(tree[try rev("1-a")]?.status == .available)
        try tree.merge(path(1, "a"), status: .missing)
        #expect(tree[try rev("1-a")]?.status == .available)
    }

    @Test func `a forged ancestry changes nothing of what is known`() throws {
        var tree = Tree()
        try tree.merge(path(3, "c", "b", "a"), status: .available)
        #expect(try tree.merge(path(4, "d", "c", "x", "y"), status: .available) == .newLeaf)
        #expect(tree.path(to: try rev("4-d")) == path(4, "d", "c", "b", "a"))
        #expect(!tree.contains(try rev("2-x")))
    }

    @Test func `the winner is alive if any leaf is`() throws {
        var tree = Tree()
        try tree.merge(path(1, "a"), status: .available)
        try tree.merge(path(3, "c", "b", "a"), status: .deleted)
        #expect(tree.winner?.id == (try rev("3-c")))
        #expect(tree.isDeleted)
        try tree.merge(path(2, "d", "a"), status: .available)
        #expect(tree.winner?.id == (try rev("2-d")))
        #expect(!tree.isDeleted)
        #expect(tree.conflicts.isEmpty)
        #expect(texts(tree.deletedConflicts) == ["3-c"])
    }

    @Test func `stemming keeps the newest of every branch`() throws {
        var tree = Tree()
        try tree.merge(path(5, "e", "d", "c", "b", "a"), status: .available)
        try tree.merge(path(3, "x", "b", "a"), status: .available)
        #expect(texts(tree.stem(to: 2)) == ["1-a", "3-c"])
        #expect(tree.path(to: try rev("5-e")) == path(5, "e", "d"))
        #expect(tree.path(to: try rev("3-x")) == path(3, "x", "b"))
        #expect(tree.leafCount == 2)
        #expect(tree.stem(to: 2).isEmpty)
    }

    @Test func `missing revisions are those that are not known by name`() throws {
        var tree = Tree()
        try tree.merge(path(3, "c", "b", "a"), status: .available)
        let asked = try ["1-a", "2-x", "3-c", "4-y"].map(rev)
        let missing = tree.missing(of: asked)
        #expect(texts(missing) == ["2-x", "4-y"])
        #expect(texts(tree.possibleAncestors(of: missing)) == ["3-c"])
        #expect(tree.possibleAncestors(of: [try rev("3-z")]).isEmpty)
    }

    @Test func `a purged leaf takes what led to it alone along`() throws {
        var tree = Tree()
        try tree.merge(path(4, "d", "c", "b", "a"), status: .available)
        try tree.merge(path(3, "x", "b", "a"), status: .available)
        #expect(tree.purge(try [rev("2-b"), rev("9-z")]).isEmpty)
        #expect(texts(tree.purge([try rev("4-d")])) == ["4-d"])
        #expect(texts(tree.nodes.map(\.id)) == ["1-a", "2-b", "3-x"])
        #expect(texts(tree.purge([try rev("3-x")])) == ["3-x"])
        #expect(tree.isEmpty)
    }

    @Test func `the newest leaf of a revision is found`() throws {
        var tree = Tree()
        try tree.merge(path(3, "c", "b", "a"), status: .available)
        try tree.merge(path(3, "x", "b", "a"), status: .available)
        #expect(texts(tree.leaves(from: try rev("2-b")).map(\.id)) == ["3-x", "3-c"])
        #expect(texts(tree.leaves(from: try rev("3-c")).map(\.id)) == ["3-c"])
        #expect(tree.leaves(from: try rev("1-z")).isEmpty)
        let asked = [try rev("3-c"), try rev("1-z"), try rev("2-b"), try rev("2-b")]
        #expect(tree.leaves(from: asked).map { texts($0.map(\.id)) } == [["3-c"], [], ["3-x"], []])
    }

    @Test func `a branch too many is refused and a longer one is not`() throws {
        var tree = Tree()
        try tree.merge(path(1, "a"), status: .available, branchLimit: 2)
        try tree.merge(path(2, "b", "a"), status: .available, branchLimit: 2)
        try tree.merge(path(2, "c", "a"), status: .available, branchLimit: 2)
        #expect(throws: CouchError.tooManyBranches(limit: 2)) {
            try tree.merge(path(2, "d", "a"), status: .available, branchLimit: 2)
        }
        #expect(!tree.contains(try rev("2-d")))
        #expect(try tree.merge(path(3, "d", "c", "a"), status: .available, branchLimit: 2) == .newLeaf)
    }

    @Test func `compaction forgets the bodies of ancestors alone`() throws {
        var tree = Tree()
        try tree.merge(path(1, "a"), status: .available, payload: NoPayload())
        try tree.merge(path(2, "b", "a"), status: .available, payload: NoPayload())
        #expect(texts(tree.forgetAncestorBodies()) == ["1-a"])
        #expect(tree[try rev("1-a")]?.status == .missing)
        #expect(tree[try rev("1-a")]?.payload == nil)
        #expect(tree[try rev("2-b")]?.status == .available)
    }
}
