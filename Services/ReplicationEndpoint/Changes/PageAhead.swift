import DocumentStore
import Synchronization

/// A page of a feed that is being read, while the one before it is written or signs of life are given.
struct PageAhead: Sendable {
    private final class Arrival: Sendable {
        let isThere = Atomic(false)
    }

    /// For whom it is read, with the rights of when that began.
    let caller: Caller
    private let begun = ContinuousClock.now
    private let arrival = Arrival()
    private let work: Task<FeedSource.Stretch, any Error>

    /// How long a page that nobody has asked for is good: rights change, and who may not read something any more must
    /// not get it much later.
    private static let life = Duration.seconds(1)

    /// Begins to read the page behind the cursor; the feed is signalled when it is there.
    init(_ source: FeedSource, behind cursor: FeedSource.Cursor, room: Int, for caller: Caller, _ live: LiveFeed) {
        self.caller = caller
        // What is committed from here on may not be in the page.
        live.beginLook()
        work = Task { [arrival] in
            defer {
                arrival.isThere.store(true, ordering: .releasing)
                live.signal(.notice)
            }
            return try await source.next(cursor, room: room, for: caller)
        }
    }

    var isThere: Bool { arrival.isThere.load(ordering: .acquiring) }

    /// Whether it is young enough to be sent.
    var isFresh: Bool { begun.duration(to: .now) < Self.life }

    /// The rows, when they are there.
    func rows() async throws -> FeedSource.Stretch { try await work.value }

    func cancel() { work.cancel() }
}
