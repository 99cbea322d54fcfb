import Synchronization

/// How many documents callers could read when they were counted last, for as long as nothing of theirs changes.
///
/// Counting costs what a caller has, and clients ask with every page of a list and at the start of every replication;
/// how far a caller's feed has come says at once whether the count still holds.
final class RecentCounts: Sendable {
    /// What a count depends on: every change of what a caller may read moves one of these.
    struct Key: Hashable, Sendable {
        let database: Int32
        let incarnation: String
        let feeds: Set<Feed>
        let place: Int
        let purges: Int64
    }

    private static let limit = 10_000

    private let known = Mutex<[Key: DocumentCounts]>([:])

    subscript(key: Key) -> DocumentCounts? {
        get { known.withLock { $0[key] } }
        set {
            known.withLock { known in
                if known.count >= Self.limit { known.removeAll() }
                known[key] = newValue
            }
        }
    }
}
