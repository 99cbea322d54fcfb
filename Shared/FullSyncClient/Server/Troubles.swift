import CouchProtocol
import Synchronization

/// What a server fails with again and again, so that one document is not tried for ever while others wait behind it.
final class Troubles: Sendable {
    private struct State {
        /// Whether the request before has failed.
        var hasFailed = false
        /// How often each revision of a document was the only one with which the server failed.
        var alone: [DocumentID: [RevisionID: Int]] = [:]
    }

    /// How often that is the network or the server, and no reason to pass the document over.
    private static let patience = 4

    private let state = Mutex(State())

    var hasFailed: Bool { state.withLock { $0.hasFailed } }

    func ended(failed: Bool) {
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
            return CouchError(
                status: CouchError.passedOver,
                error: (error as? CouchError)?.error ?? "not_taken",
                reason: "\(error)"
            )
        }
    }
}

/// The attempts to have a server do something with several documents, those with which it fails found by halves.
struct Attempts {
    /// Whether the request before has failed in a way that has not passed, so that it may lie with one document.
    let isCareful: Bool
    /// Whether the server did what it was asked about any document.
    var hasSucceeded = false
    /// How often it has failed.
    private var failed = 0

    /// How often it may fail before it has done anything; a server that is not well is not asked for each document.
    private static let limit = 16

    init(isCareful: Bool) {
        self.isCareful = isCareful
    }

    /// Takes in that the server has failed.
    ///
    /// - Returns: Whether it is worth while to ask for less at once.
    mutating func mayGoOn() -> Bool {
        failed += 1
        return isCareful && (hasSucceeded || failed < Self.limit)
    }
}

extension CouchError {
    /// The status of an error of ours: the server fails with the document time after time, while it answers for others.
    fileprivate static let passedOver = 422

    /// Whether the server failed with the document time after time, so that it was passed over.
    var isPassedOver: Bool { status == Self.passedOver }
}
