import CouchProtocol

extension RevisionTree<Tags> {
    /// How many bytes the history has as it is stored, or a few more.
    var byteCount: Int {
        nodes.reduce(0) { count, node in
            let tags = node.payload.map { tags in
                tags.groups.reduce((tags.owner?.utf8.count ?? 0) + 8) { $0 + $1.utf8.count + 2 }
            }
            return count + 3 + node.id.hash.byteCount + (node.parentHash?.byteCount ?? 0) + (tags ?? 0)
        }
    }
}

extension RevisionHash {
    fileprivate var byteCount: Int {
        switch self {
        case .digest: 17
        case .text(let bytes): bytes.count + 1
        }
    }
}
