import CouchProtocol

/// What the readers of a feed lost by one change: the leaves of a document that were in the feed before it, and neither
/// they nor what came from them after it.
struct Loss: Sendable, Hashable {
    /// The number of the change.
    let seq: Int
    /// The leaves with their ancestors, so that a device that has only an older revision finds the connection.
    let leaves: [RevisionPath]

    /// The elements of the column `losses`, which `commit_documents` puts together: the number in eight bytes, and the
    /// leaves behind it.
    init(_ bytes: [UInt8]) throws(BinaryDecodingError) {
        seq = bytes.prefix(8).reduce(0) { $0 << 8 | Int($1) }
        var reader = BinaryReader(Array(bytes.dropFirst(8)))
        var leaves: [RevisionPath] = []
        for _ in 0..<(try reader.integer()) { leaves.append(try RevisionPath(from: &reader)) }
        self.leaves = leaves
    }

    /// The losses of a column, the oldest first.
    static func all(_ column: [[UInt8]]?) throws(BinaryDecodingError) -> [Loss] {
        var losses: [Loss] = []
        for bytes in column ?? [] { losses.append(try Loss(bytes)) }
        return losses
    }

    /// Leaves as the column has them, without the number.
    static func encode(_ leaves: [RevisionPath]) -> [UInt8] {
        var output: [UInt8] = []
        output.append(integer: leaves.count)
        for leaf in leaves { leaf.encode(into: &output) }
        return output
    }
}

extension RevisionTree<Tags> {
    /// The leaves of the earlier tree of the document that were in one of these feeds, and that nothing readable there
    /// has come from in this one.
    func lostLeaves(since before: RevisionTree<Tags>, in feeds: Set<Feed>) -> [RevisionPath] {
        let kept = leaves.filter { !($0.payload ?? .none).feeds.isDisjoint(with: feeds) }
        let ancestry = Set(kept.flatMap { self.ancestry(of: $0.id).map(\.id) })
        return before.leaves
            .filter { !($0.payload ?? .none).feeds.isDisjoint(with: feeds) && !ancestry.contains($0.id) }
            .compactMap { before.path(to: $0.id) }
    }
}
