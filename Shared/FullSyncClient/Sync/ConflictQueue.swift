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
    private let answers = ChangeSignal()

    /// What says that there is more to look at, from now on.
    func subscribe() -> AsyncStream<Void> { signal.subscribe() }

    /// What says that the server answers, from now on.
    func subscribeToAnswers() -> AsyncStream<Void> { answers.subscribe() }

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

    /// Has those looked at again at which the look has ended too early.
    ///
    /// - Parameter ids: What was taken; nil for all.
    func putBack(_ ids: [DocumentID]?) {
        state.withLock { state in
            if let ids { state.ready.formUnion(ids) } else { state.isOfAll = true }
        }
        signal.send()
    }

    /// Notes that the server is about to be asked whether it has edits: what it says from now on counts.
    func wait(_ ids: [DocumentID]) {
        state.withLock { $0.waiting.formUnion(ids) }
    }

    /// Notes that nothing of these documents is waited for.
    func proceed(_ ids: [DocumentID]) {
        state.withLock { $0.waiting.subtract(ids) }
    }

    /// Notes that the server could not be asked.
    func postpone(_ ids: some Sequence<DocumentID>) {
        let ids = Set(ids)
        state.withLock { $0.unasked.formUnion(ids) }
    }

    /// Whether the server could not be asked about some.
    var hasPostponed: Bool { state.withLock { !$0.unasked.isEmpty } }

    /// Notes that the server answers, and has those looked at again about which it could not be asked.
    func serverAnswers() {
        answers.send()
        askAgain()
    }

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
    func taken(_ ids: [DocumentID]) {
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
