import Contracts
import DocumentStore
import JSON
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

    /// A live feed among those that are woken, from ``enter(_:feeds:)`` to ``leave(_:)``.
    struct Sleeper: Sendable, Hashable {
        fileprivate let id: Int
    }

    /// What a feed waits for: the changes of a database, all of them or those of some feeds.
    private struct Place {
        let database: String
        let feeds: Set<Feed>?
        /// Whether something came while nobody waited: a change is never missed between a look and the next wait.
        var isSignalled = false
        var continuation: CheckedContinuation<Void, Never>?
    }

    private struct State {
        var nextID = 0
        var places: [Int: Place] = [:]
        /// Who waits for all changes of a database.
        var ofDatabase: [String: Set<Int>] = [:]
        /// Who waits for the changes of a feed of a database.
        var ofFeed: [String: [Feed: Set<Int>]] = [:]
        var isEnding = false
    }

    private let queue: String
    private let broker: MessageBroker
    private let logger: Logger
    private let state = Mutex(State())

    init(_ subscription: Subscription, broker: MessageBroker, logger: Logger) {
        queue = subscription.queue
        self.broker = broker
        self.logger = logger
    }

    func run() async throws {
        defer { endAll() }
        try await cancelWhenGracefulShutdown {
            try await self.broker.consume(self.queue, prefetch: 256, concurrency: 1) { delivery in
                if let event = try? ChangeEvent(body: delivery.message.body) {
                    self.wake(event, bereft: Self.bereft(delivery.message))
                }
                delivery.acknowledge()
            }
        }
    }

    /// Whether this instance ends: live feeds end too, and their clients turn to another one.
    var isEnding: Bool { state.withLock { $0.isEnding } }

    /// The feeds whose readers lost something by a change.
    private static func bereft(_ message: IncomingMessage) -> [Feed] {
        guard case .string(let text) = message.headers[HeaderName.bereft] else { return [] }
        return (try? JSONValue(parsing: text))?.arrayValue?.compactMap(\.stringValue).map(Feed.init(text:)) ?? []
    }

    /// Wakes the feeds that a change is in, and those that it took something from.
    func wake(_ event: ChangeEvent, bereft: [Feed] = []) {
        var feeds = Set(event.groups.map(Feed.group))
        if let owner = event.owner { feeds.insert(.owner(owner)) }
        if feeds.isEmpty { feeds.insert(.everybody) }
        feeds.formUnion(bereft)
        let woken = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            var ids = state.ofDatabase[event.database] ?? []
            for feed in feeds { ids.formUnion(state.ofFeed[event.database]?[feed] ?? []) }
            return ids.compactMap { Self.signal($0, in: &state) }
        }
        for continuation in woken { continuation.resume() }
    }

    /// Wakes all feeds, because what their readers may read could have changed.
    func wakeAll() {
        let woken = state.withLock { state in state.places.keys.compactMap { Self.signal($0, in: &state) } }
        for continuation in woken { continuation.resume() }
    }

    /// Adds a live feed: from here on, no change of these feeds of the database is missed.
    func enter(_ database: String, feeds: Set<Feed>?) -> Sleeper {
        state.withLock { state in
            state.nextID += 1
            let id = state.nextID
            state.places[id] = Place(database: database, feeds: feeds)
            guard let feeds else {
                state.ofDatabase[database, default: []].insert(id)
                return Sleeper(id: id)
            }
            for feed in feeds { state.ofFeed[database, default: [:]][feed, default: []].insert(id) }
            return Sleeper(id: id)
        }
    }

    /// Removes a live feed.
    func leave(_ sleeper: Sleeper) {
        state.withLock { state in
            guard let place = state.places.removeValue(forKey: sleeper.id) else { return }
            guard let feeds = place.feeds else {
                state.ofDatabase[place.database]?.remove(sleeper.id)
                if state.ofDatabase[place.database]?.isEmpty == true { state.ofDatabase[place.database] = nil }
                return
            }
            for feed in feeds {
                state.ofFeed[place.database]?[feed]?.remove(sleeper.id)
                if state.ofFeed[place.database]?[feed]?.isEmpty == true { state.ofFeed[place.database]?[feed] = nil }
            }
            if state.ofFeed[place.database]?.isEmpty == true { state.ofFeed[place.database] = nil }
        }
    }

    /// Waits until a change of the feed has been committed since it last waited, the time is over, the task is
    /// cancelled, or this instance ends.
    func wait(_ sleeper: Sleeper, atMost duration: Duration) async {
        let clock = Task {
            do {
                try await Task.sleep(for: duration)
            } catch {
                return
            }
            self.signal(sleeper)
        }
        defer { clock.cancel() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mayGo = state.withLock { state in
                    guard let place = state.places[sleeper.id], !place.isSignalled, !state.isEnding else {
                        state.places[sleeper.id]?.isSignalled = false
                        return true
                    }
                    state.places[sleeper.id]?.continuation = continuation
                    return false
                }
                if mayGo { continuation.resume() }
            }
        } onCancel: {
            signal(sleeper)
        }
    }

    private func signal(_ sleeper: Sleeper) {
        state.withLock { Self.signal(sleeper.id, in: &$0) }?.resume()
    }

    private func endAll() {
        state.withLock { $0.isEnding = true }
        wakeAll()
    }

    /// Takes the continuation of one that waits; for one that does not, notes that it need not.
    private static func signal(_ id: Int, in state: inout State) -> CheckedContinuation<Void, Never>? {
        guard let continuation = state.places[id]?.continuation else {
            state.places[id]?.isSignalled = true
            return nil
        }
        state.places[id]?.continuation = nil
        return continuation
    }
}
