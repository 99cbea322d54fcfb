internal import Contracts
internal import Synchronization

/// What came for one consumer and waits for a handler, and what the connection has to know to consume again.
///
/// Bounded by the consumer's prefetch: the broker sends no more before something is settled.
final class ConsumerInbox: Sendable {
    typealias ID = UInt64

    let id: ID
    let queue: Queue
    /// Whether the topology, or the caller, says how to declare the queue.
    let isDeclared: Bool
    let prefetch: UInt16
    /// Bytes of a body up to which one message at a time is taken that is larger than the configuration allows, so that
    /// its handler can put it aside; zero for none.
    let maximumOversize: Int
    /// Resolved when no more will be taken.
    let ended = Promise<Void>()

    private struct State {
        var messages = FIFO<ReceivedMessage>()
        var handlers = FIFO<CheckedContinuation<ReceivedMessage?, Never>>()
        var isEnded = false
        var isActive = false
        var wasEverActive = false
        var activation: [Promise<Void>] = []
    }

    private let state = Mutex(State())

    /// What a broker takes at most, whatever it is configured to take.
    static let largestOversize = 512 * 1_024 * 1_024

    init(id: ID, queue: Queue, isDeclared: Bool, prefetch: UInt16, maximumOversize: Int) {
        self.id = id
        self.queue = queue
        self.isDeclared = isDeclared
        self.prefetch = prefetch
        self.maximumOversize = maximumOversize
    }

    /// Hands a message to a handler that waits, or keeps it; false when no more are taken.
    func put(_ message: ReceivedMessage) -> Bool {
        let (isTaken, handler) = state.withLock { state in
            guard !state.isEnded else { return (false, CheckedContinuation<ReceivedMessage?, Never>?.none) }
            if let handler = state.handlers.popFirst() { return (true, handler) }
            state.messages.append(message)
            return (true, nil)
        }
        handler?.resume(returning: message)
        return isTaken
    }

    /// The next message; nil when no more are taken.
    func next() async -> ReceivedMessage? {
        await withCheckedContinuation { continuation in
            let early = state.withLock { state -> ReceivedMessage?? in
                if state.isEnded { return .some(nil) }
                if let message = state.messages.popFirst() { return .some(message) }
                state.handlers.append(continuation)
                return .none
            }
            if let early { continuation.resume(returning: early) }
        }
    }

    /// Takes no more; what no handler had begun is returned.
    func end(_ outcome: Result<Void, MessagingError> = .success(())) -> [ReceivedMessage] {
        let (messages, handlers, activation) = state.withLock { state in
            state.isEnded = true
            state.isActive = false
            defer { state.activation = [] }
            return (state.messages.removeAll(), state.handlers.removeAll(), state.activation)
        }
        for handler in handlers {
            handler.resume(returning: nil)
        }
        for promise in activation {
            promise.resolve(.failure(.closed))
        }
        ended.resolve(outcome)
        return messages
    }

    /// The broker sends from now on.
    func activate() {
        let promises = state.withLock { state in
            state.isActive = !state.isEnded
            state.wasEverActive = true
            defer { state.activation = [] }
            return state.activation
        }
        for promise in promises {
            promise.resolve(.success(()))
        }
    }

    /// Whether no more are taken.
    var isEnded: Bool { state.withLock { $0.isEnded } }

    var isActive: Bool { state.withLock { $0.isActive } }

    var wasEverActive: Bool { state.withLock { $0.wasEverActive } }

    /// The channel is gone: what waits here will be delivered again.
    func deactivate() {
        state.withLock { state in
            state.isActive = false
            _ = state.messages.removeAll()
        }
    }

    /// Resolved when the broker sends to this consumer.
    func whenActive() -> Promise<Void> {
        let promise = Promise<Void>()
        let outcome = state.withLock { state -> Result<Void, MessagingError>? in
            if state.isActive { return .success(()) }
            if state.isEnded { return .failure(.closed) }
            state.activation.removeAll { $0.isResolved }
            state.activation.append(promise)
            return nil
        }
        if let outcome { promise.resolve(outcome) }
        return promise
    }
}
