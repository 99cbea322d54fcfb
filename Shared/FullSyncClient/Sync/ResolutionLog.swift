import CouchProtocol
import Synchronization

/// What the resolver of a database's syncs has made of conflicts, and which of that the server refused, while the file
/// is open.
///
/// A conflict of documents that the user may not write comes to every device, and each one's resolver decides about it;
/// what the server refuses of that is taken back, and decided once.
final class ResolutionLog: Sendable {
    private struct State {
        /// The conflicts by the revisions that resolved them, by documents.
        var made: [DocumentID: [RevisionID: Set<RevisionID>]] = [:]
        /// Conflicts whose resolution was refused, by their documents.
        var refused: [DocumentID: Set<RevisionID>] = [:]
    }

    private let state = Mutex(State())

    /// Notes that a conflict of these revisions was resolved by others.
    func resolved(_ id: DocumentID, _ conflict: Set<RevisionID>, by revisions: [RevisionID]) {
        state.withLock { state in
            for revision in revisions { state.made[id, default: [:]][revision] = conflict }
        }
    }

    /// Notes that the server has a revision of a document, which is no matter any more.
    func taken(_ id: DocumentID, _ revision: RevisionID) {
        state.withLock { state in
            guard state.made[id]?.removeValue(forKey: revision) != nil else { return }
            if state.made[id]?.isEmpty == true { state.made[id] = nil }
        }
    }

    /// Notes that the server refused a revision.
    ///
    /// - Returns: Whether it had resolved a conflict.
    func refused(_ id: DocumentID, _ revision: RevisionID) -> Bool {
        state.withLock { state in
            guard let conflict = state.made[id]?[revision] else { return false }
            state.refused[id] = conflict
            return true
        }
    }

    /// Whether the resolution of that conflict was refused.
    func isRefused(_ id: DocumentID, _ conflict: Set<RevisionID>) -> Bool {
        state.withLock { $0.refused[id] == conflict }
    }
}
