import CouchProtocol
import Synchronization

/// The conflicts that the resolver of a live sync is still to decide about.
///
/// A conflict with an edit that the server has neither taken nor refused is not decided yet: what is made of it would
/// be refused with the edit, and taken back together with it. Such a one waits until the server has said something.
final class ConflictQueue: Sendable {
    private struct State {
        /// Whether all conflicts of the database are to be looked at.
        var isOfAll = true
        var ready: Set<DocumentID> = []
        /// Those that wait for the server to take or refuse an edit.
        var waiting: Set<DocumentID> = []
        /// Those about which the server could not be asked.
        var unasked: Set<DocumentID> = []
    }

    /// What is to be looked at next.
    enum Work: Equatable {
        case nothing
        case all
        case some([DocumentID])
    }

    private let state = Mutex(State())
    private let signal = ChangeSignal()

    /// What says that there is more to look at, from now on.
    func subscribe() -> AsyncStream<Void> { signal.subscribe() }

    /// Adds conflicts.
    func add(_ ids: [DocumentID]) {
        guard !ids.isEmpty else { return }
        state.withLock { $0.ready.formUnion(ids) }
        signal.send()
    }

    /// Takes what is to be looked at.
    func take() -> Work {
        state.withLock { state in
            defer { (state.isOfAll, state.ready) = (false, []) }
            if state.isOfAll { return .all }
            return state.ready.isEmpty ? .nothing : .some(state.ready.sorted())
        }
    }

    /// Notes that the server is about to be asked whether it has an edit: what it says from now on counts.
    func wait(_ id: DocumentID) {
        state.withLock { _ = $0.waiting.insert(id) }
    }

    /// Notes that nothing of a document is waited for.
    func proceed(_ id: DocumentID) {
        state.withLock { _ = $0.waiting.remove(id) }
    }

    /// Notes that the server could not be asked.
    func postpone(_ id: DocumentID) {
        state.withLock { _ = $0.unasked.insert(id) }
    }

    /// Whether the server could not be asked about some.
    var hasPostponed: Bool { state.withLock { !$0.unasked.isEmpty } }

    /// Has those looked at again about which the server could not be asked.
    func askAgain() {
        let isNew = state.withLock { state in
            defer { state.unasked = [] }
            state.ready.formUnion(state.unasked)
            return !state.unasked.isEmpty
        }
        if isNew { signal.send() }
    }

    /// Has those of the documents looked at again that wait, as the server has taken an edit of them.
    func taken(_ ids: some Sequence<DocumentID>) {
        let isNew = state.withLock { state in
            guard !state.waiting.isEmpty else { return false }
            let freed = state.waiting.intersection(ids)
            state.waiting.subtract(freed)
            state.ready.formUnion(freed)
            return !freed.isEmpty
        }
        if isNew { signal.send() }
    }
}
