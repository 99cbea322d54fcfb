import CouchProtocol
import Synchronization

/// What a server fails with again and again, so that one document is not tried for ever while others wait behind it.
final class Troubles: Sendable {
    private struct State {
        /// Whether the write before has failed.
        var hasFailed = false
        /// How often each revision of a document was the only one with which the server failed.
        var alone: [DocumentID: [RevisionID: Int]] = [:]
    }

    /// How often that is the network or the server, and no reason to pass the document over.
    private static let patience = 4

    private let state = Mutex(State())

    var hasFailed: Bool { state.withLock { $0.hasFailed } }

    func writeEnded(failed: Bool) {
        state.withLock { $0.hasFailed = failed }
    }

    /// Notes that the server has done what it was asked about these: it fails with them no more.
    func passed(_ documents: some Sequence<ReplicatedDocument>) {
        state.withLock { state in
            guard !state.alone.isEmpty else { return }
            for document in documents {
                state.alone[document.id]?[document.path.revision] = nil
                if state.alone[document.id]?.isEmpty == true { state.alone[document.id] = nil }
            }
        }
    }

    /// Notes that the server failed with one revision.
    ///
    /// - Parameters:
    ///   - error: What it said.
    ///   - isProven: Whether it did what it was asked about others; once is enough.
    /// - Returns: The error as one that lies with the document; nil while it may pass.
    func fail(_ id: DocumentID, _ revision: RevisionID, _ error: any Error, isProven: Bool) -> CouchError? {
        state.withLock { state in
            let before = state.alone[id]?[revision]
            guard isProven || before != nil else { return nil }
            let count = (before ?? 0) + 1
            state.alone[id, default: [:]][revision] = count
            guard count >= Self.patience else { return nil }
            state.alone[id] = nil
            return CouchError(status: 422, error: (error as? CouchError)?.error ?? "not_taken", reason: "\(error)")
        }
    }
}
