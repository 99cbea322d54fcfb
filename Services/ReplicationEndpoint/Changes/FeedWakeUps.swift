import Contracts
import CouchProtocol
import DocumentStore
import JSON
import Logging
import Messaging
import NIOCore
import ServiceLifecycle
import Synchronization

/// Wakes the feeds of this instance when any instance commits a change that they are in.
///
/// Every instance has a queue of its own on `fullsync.changes`. A message can be lost with the broker, so ``FeedTail``
/// also looks: messages make it fast, looking makes it right.
final class FeedWakeUps: Service {
    /// The queue of one instance, bound to the changes of all databases.
    struct Subscription: Sendable {
        let queue = "fullsync.wake-ups.\(String(UInt64.random(in: .min ... .max), radix: 36))"

        /// What the broker must declare for it.
        var topology: Topology {
            Topology(
                queues: [Queue(queue, .ofConnection(maxLength: 100_000))],
                bindings: [Binding(exchange: ExchangeName.changes, queue: queue, routingKey: "#")]
            )
        }
    }

    private struct State {
        var nextID = 0
        var all: [Int: LiveFeed] = [:]
        /// Who waits for all changes of a database.
        var ofDatabase: [String: Set<Int>] = [:]
        /// Who waits for the changes of a feed of a database.
        var ofFeed: [String: [Feed: Set<Int>]] = [:]
        var isEnding = false
    }

    private let queue: String
    private let broker: MessageBroker
    private let logger: Logger
    private let feeds: Registry
    private let clock: FeedClock

    /// The feeds, apart from the rest so that the clock can reach them.
    private final class Registry: Sendable {
        let state = Mutex(State())

        func feed(_ id: Int) -> LiveFeed? { state.withLock { $0.all[id] } }
    }

    init(_ subscription: Subscription, broker: MessageBroker, logger: Logger) {
        queue = subscription.queue
        self.broker = broker
        self.logger = logger
        let feeds = Registry()
        self.feeds = feeds
        clock = FeedClock { id, tick in feeds.feed(id)?.fire(tick) }
    }

    func run() async throws {
        defer { endAll() }
        try await cancelWhenGracefulShutdown {
            try await self.broker.consume(self.queue, prefetch: 256, concurrency: 1) { delivery in
                // The routing key is the database's name: what nobody waits for is not read.
                if self.isWaited(for: delivery.message.routingKey),
                    let event = try? ChangeEvent(body: delivery.message.body)
                {
                    self.wake(event, bereft: Self.bereft(delivery.message.headers[HeaderName.bereft]))
                }
                delivery.acknowledge()
            }
        }
    }

    /// Whether this instance ends: live feeds end too, and their clients turn to another one.
    var isEnding: Bool { feeds.state.withLock { $0.isEnding } }

    /// The feeds that are open.
    var all: [LiveFeed] { feeds.state.withLock { Array($0.all.values) } }

    // MARK: - Waking

    private func isWaited(for database: String) -> Bool {
        feeds.state.withLock { $0.ofFeed[database] != nil || $0.ofDatabase[database] != nil }
    }

    /// The feeds whose readers lost something by a change; nil when they may be any.
    static func bereft(_ header: HeaderValue?) -> [Feed]? {
        guard case .string(let text) = header else { return [] }
        let names = (try? JSONValue(parsing: text))?.arrayValue?.compactMap(\.stringValue) ?? []
        return names.contains(HeaderName.everyFeed) ? nil : names.map(Feed.init(text:))
    }

    /// Wakes the feeds that a change is in, and those that it took something from.
    ///
    /// - Parameter bereft: The latter; nil when they may be any.
    func wake(_ event: ChangeEvent, bereft: [Feed]? = []) {
        var feeds = Set(event.groups.map(Feed.group))
        if let owner = event.owner { feeds.insert(.owner(owner)) }
        if feeds.isEmpty { feeds.insert(.everybody) }
        let changed = bereft.map { feeds.union($0) }
        wake(changed, of: event.database, about: DocumentID(stored: event.id))
    }

    /// Wakes those who are in one of these feeds of a database (nil: of any), or in all of them, unless they are about
    /// other documents.
    private func wake(_ changed: Set<Feed>?, of database: String, about document: DocumentID) {
        let woken = feeds.state.withLock { state -> [LiveFeed] in
            var ids = state.ofDatabase[database] ?? []
            let waiting = state.ofFeed[database] ?? [:]
            if let changed {
                for feed in changed { ids.formUnion(waiting[feed] ?? []) }
            } else {
                for feed in waiting.values { ids.formUnion(feed) }
            }
            return ids.compactMap { state.all[$0] }.filter { $0.documents?.contains(document) ?? true }
        }
        for feed in woken { feed.signal(.change) }
    }

    /// Lets all feeds look at their rights, because somebody's have changed.
    func wakeAll() {
        for feed in all { feed.signal(.rights) }
    }

    private func endAll() {
        feeds.state.withLock { $0.isEnding = true }
        wakeAll()
    }

    // MARK: - Who is woken

    /// Adds a feed: from here on, no change of these feeds of the database is missed.
    ///
    /// - Parameter documents: The documents that it is about; nil for all.
    func enter(
        _ database: String,
        feeds: Set<Feed>?,
        documents: Set<DocumentID>? = nil,
        channel: (any Channel)? = nil
    ) -> LiveFeed {
        self.feeds.state.withLock { state in
            state.nextID += 1
            let feed = LiveFeed(
                id: state.nextID,
                database: database,
                feeds: feeds,
                documents: documents,
                channel: channel,
                clock: clock
            )
            state.all[feed.id] = feed
            Self.add(feed, feeds, to: &state)
            return feed
        }
    }

    /// Lets a feed wait for the changes of other feeds than before.
    func move(_ feed: LiveFeed, to feeds: Set<Feed>?) {
        self.feeds.state.withLock { state in
            guard state.all[feed.id] != nil else { return }
            Self.remove(feed, from: &state)
            feed.setFeeds(feeds)
            Self.add(feed, feeds, to: &state)
        }
    }

    /// Removes a feed.
    func leave(_ feed: LiveFeed) {
        feeds.state.withLock { state in
            guard state.all.removeValue(forKey: feed.id) != nil else { return }
            Self.remove(feed, from: &state)
        }
    }

    private static func add(_ feed: LiveFeed, _ feeds: Set<Feed>?, to state: inout State) {
        guard let feeds else {
            state.ofDatabase[feed.database, default: []].insert(feed.id)
            return
        }
        for one in feeds { state.ofFeed[feed.database, default: [:]][one, default: []].insert(feed.id) }
    }

    private static func remove(_ feed: LiveFeed, from state: inout State) {
        let database = feed.database
        guard let feeds = feed.feeds else {
            state.ofDatabase[database]?.remove(feed.id)
            if state.ofDatabase[database]?.isEmpty == true { state.ofDatabase[database] = nil }
            return
        }
        for one in feeds {
            state.ofFeed[database]?[one]?.remove(feed.id)
            if state.ofFeed[database]?[one]?.isEmpty == true { state.ofFeed[database]?[one] = nil }
        }
        if state.ofFeed[database]?.isEmpty == true { state.ofFeed[database] = nil }
    }
}
