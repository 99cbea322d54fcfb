import CouchProtocol
import DocumentStore
import NIOCore
import Synchronization

/// What a feed of changes that is being answered waits with: one thing to wait on for all that can happen to it.
///
/// It holds nothing but what a feed needs while nothing happens, as there are thousands of them.
final class LiveFeed: Sendable {
    /// What can end a wait besides a change.
    enum Event: Sendable {
        /// There may be something to read.
        case change
        /// The client has hung up.
        case hangUp
        /// Somebody's rights have changed, or the instance ends.
        case rights
        /// Something else is to be looked at, such as a page that is there.
        case notice
    }

    private struct State {
        /// The owners and groups whose changes it waits for; nil for all changes.
        var feeds: Set<Feed>?
        /// The number up to which it has looked.
        var seen = 0
        /// Whether something was committed since it last began to look: none is missed between a look and a wait.
        var isChanged = false
        var isNoticed = false
        /// Whether rights may have changed since they were last asked for.
        var mustCheck = true
        var isGone = false
        var isWaitingForChanges = false
        var continuation: CheckedContinuation<Void, Never>?
        var deadline: FeedClock.Instant?
        /// The tick for which the clock knows it.
        var scheduled: Int?
    }

    let id: Int
    /// The name of the database.
    let database: String
    /// The documents that it is about; nil for all.
    let documents: Set<DocumentID>?
    private let clock: FeedClock
    /// The connection; nil in tests.
    let channel: (any Channel)?
    private let state: Mutex<State>

    init(
        id: Int,
        database: String,
        feeds: Set<Feed>?,
        documents: Set<DocumentID>?,
        channel: (any Channel)?,
        clock: FeedClock
    ) {
        self.id = id
        self.database = database
        self.documents = documents
        self.channel = channel
        self.clock = clock
        state = Mutex(State(feeds: feeds))
    }

    /// Whether the client has hung up.
    var isGone: Bool { state.withLock { $0.isGone } }

    /// Whether something was committed since the last look began.
    var isChanged: Bool { state.withLock { $0.isChanged } }

    /// The owners and groups whose changes it waits for; nil for all changes.
    var feeds: Set<Feed>? { state.withLock { $0.feeds } }

    /// The number up to which it has looked.
    var seen: Int {
        get { state.withLock { $0.seen } }
        set { state.withLock { $0.seen = newValue } }
    }

    func setFeeds(_ feeds: Set<Feed>?) {
        state.withLock { $0.feeds = feeds }
    }

    /// Says that whatever is committed from here on is not yet looked at.
    func beginLook() {
        state.withLock { $0.isChanged = false }
    }

    /// Whether rights may have changed since they were last asked for.
    var mustCheck: Bool { state.withLock { $0.mustCheck } }

    /// Says that rights are about to be asked for: what changes from here on has to be asked for again.
    func beginCheck() {
        state.withLock { $0.mustCheck = false }
    }

    /// Ends the present wait, or the next one, because of something that happened.
    func signal(_ event: Event) {
        let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
            switch event {
            case .change:
                state.isChanged = true
                guard state.isWaitingForChanges else { return nil }
            case .hangUp: state.isGone = true
            case .rights: (state.isNoticed, state.mustCheck) = (true, true)
            case .notice: state.isNoticed = true
            }
            return Self.takeContinuation(&state)
        }
        continuation?.resume()
    }

    /// Waits until something happens, the time is over, or the task is cancelled.
    ///
    /// - Parameters:
    ///   - deadline: When it ends at the latest, to the clock's tick; nil for never.
    ///   - changes: Whether changes end it, too.
    func wait(until deadline: FeedClock.Instant?, forChanges changes: Bool) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (mayGo, tick) = state.withLock { state -> (Bool, Int?) in
                    let isOver = deadline.map { $0 <= .now } ?? false
                    guard !isOver, !state.isNoticed, !state.isGone, !(changes && state.isChanged) else {
                        state.isNoticed = false
                        return (true, nil)
                    }
                    state.continuation = continuation
                    state.deadline = deadline
                    state.isWaitingForChanges = changes
                    return (false, deadline.flatMap { Self.schedule($0, &state) })
                }
                if let tick { clock.schedule(id, at: tick) }
                if mayGo { continuation.resume() }
            }
        } onCancel: {
            signal(.notice)
        }
    }

    // MARK: - The clock

    /// The clock has come to a tick for which this feed was scheduled.
    ///
    /// - Returns: The next tick for which it must be.
    func fire(_ tick: Int) -> Int? {
        let now = FeedClock.Instant.now
        let (continuation, next) = state.withLock { state in
            if let scheduled = state.scheduled, scheduled <= tick { state.scheduled = nil }
            var continuation: CheckedContinuation<Void, Never>?
            if let deadline = state.deadline, deadline <= now { continuation = Self.takeContinuation(&state) }
            let deadline = state.continuation == nil ? nil : state.deadline
            return (continuation, deadline.flatMap { Self.schedule($0, &state) })
        }
        continuation?.resume()
        return next
    }

    /// The tick for which the clock must know this feed, when it does not know it for an earlier one.
    private static func schedule(_ deadline: FeedClock.Instant, _ state: inout State) -> Int? {
        let tick = FeedClock.tick(behind: deadline)
        if let scheduled = state.scheduled, scheduled <= tick { return nil }
        state.scheduled = tick
        return tick
    }

    private static func takeContinuation(_ state: inout State) -> CheckedContinuation<Void, Never>? {
        guard let continuation = state.continuation else { return nil }
        state.continuation = nil
        state.deadline = nil
        state.isWaitingForChanges = false
        state.isNoticed = false
        return continuation
    }
}
