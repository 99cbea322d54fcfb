import CouchProtocol
import Synchronization

/// Tells the resolvers of a database's syncs which edits the server turns out to have, whichever sync has pushed them.
final class PushedEdits: Sendable {
    private let queues = Mutex<[ObjectIdentifier: ConflictQueue]>([:])

    func add(_ queue: ConflictQueue) {
        queues.withLock { $0[ObjectIdentifier(queue)] = queue }
    }

    func remove(_ queue: ConflictQueue) {
        queues.withLock { $0[ObjectIdentifier(queue)] = nil }
    }

    /// Tells that the server has edits of these documents.
    func taken(_ ids: [DocumentID]) {
        let queues = queues.withLock { Array($0.values) }
        for queue in queues { queue.taken(ids) }
    }
}
