import Contracts
import DocumentStore
import Logging
import Messaging
import ServiceLifecycle
import Synchronization

/// Wakes the live feeds of this instance when any instance commits a change that they are in.
///
/// Every instance has a queue of its own on `fullsync.changes`. A message can be lost with the broker, so a feed also
/// looks for itself from time to time: messages make it fast, looking makes it right.
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

    private let queue: String
    private let broker: MessageBroker
    private let logger: Logger
    private let state = Mutex(State())

    private struct Waiter {
        let place: Place
        let continuation: CheckedContinuation<Void, Never>
    }

    /// What a feed waits for: the changes of a database, all of them or those of some feeds.
    private struct Place {
        let database: String
        let feeds: Set<Feed>?
    }

    private struct State {
        var nextID = 0
        var waiters: [Int: Waiter] = [:]
        /// Who waits for all changes of a database.
        var ofDatabase: [String: Set<Int>] = [:]
        /// Who waits for the changes of a feed of a database.
        var ofFeed: [String: [Feed: Set<Int>]] = [:]
    }

    init(_ subscription: Subscription, broker: MessageBroker, logger: Logger) {
        queue = subscription.queue
        self.broker = broker
        self.logger = logger
    }

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await self.broker.consume(self.queue, prefetch: 256, concurrency: 1) { delivery in
                if let event = try? ChangeEvent(body: delivery.message.body) { self.wake(event) }
                delivery.acknowledge()
            }
        }
        // Nobody waits for a change that this instance could still tell of.
        for continuation in state.withLock({ Self.removeAll(from: &$0) }) { continuation.resume() }
    }

    /// Wakes the feeds that a change is in.
    func wake(_ event: ChangeEvent) {
        var feeds = Set(event.groups.map(Feed.group))
        if let owner = event.owner { feeds.insert(.owner(owner)) }
        if feeds.isEmpty { feeds.insert(.everybody) }
        let woken = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            var ids = state.ofDatabase[event.database] ?? []
            for feed in feeds { ids.formUnion(state.ofFeed[event.database]?[feed] ?? []) }
            return ids.compactMap { Self.remove($0, from: &state)?.continuation }
        }
        for continuation in woken { continuation.resume() }
    }

    /// Waits until a change of these feeds of the database is committed, or the time is over.
    func wait(for database: String, feeds: Set<Feed>?, atMost duration: Duration) async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let clock = Task {
            try? await Task.sleep(for: duration)
            self.finish(id)
        }
        defer { clock.cancel() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isCancelled = Task.isCancelled
                let waiter = Waiter(place: Place(database: database, feeds: feeds), continuation: continuation)
                guard !isCancelled else { return continuation.resume() }
                state.withLock { Self.add(waiter, id: id, to: &$0) }
            }
        } onCancel: {
            finish(id)
        }
    }

    private func finish(_ id: Int) {
        state.withLock { Self.remove(id, from: &$0) }?.continuation.resume()
    }

    private static func add(_ waiter: Waiter, id: Int, to state: inout State) {
        state.waiters[id] = waiter
        guard let feeds = waiter.place.feeds else {
            state.ofDatabase[waiter.place.database, default: []].insert(id)
            return
        }
        for feed in feeds { state.ofFeed[waiter.place.database, default: [:]][feed, default: []].insert(id) }
    }

    private static func removeAll(from state: inout State) -> [CheckedContinuation<Void, Never>] {
        Array(state.waiters.keys).compactMap { remove($0, from: &state)?.continuation }
    }

    @discardableResult
    private static func remove(_ id: Int, from state: inout State) -> Waiter? {
        guard let waiter = state.waiters.removeValue(forKey: id) else { return nil }
        let database = waiter.place.database
        guard let feeds = waiter.place.feeds else {
            state.ofDatabase[database]?.remove(id)
            return waiter
        }
        for feed in feeds {
            state.ofFeed[database]?[feed]?.remove(id)
            if state.ofFeed[database]?[feed]?.isEmpty == true { state.ofFeed[database]?[feed] = nil }
        }
        return waiter
    }
}
