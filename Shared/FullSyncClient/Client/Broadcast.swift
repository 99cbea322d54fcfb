import Synchronization

/// Tells values to any number of listeners, each of whom gets what comes from then on.
final class Broadcast<Element: Sendable>: Sendable {
    private struct State {
        var listeners: [Int: AsyncStream<Element>.Continuation] = [:]
        var next = 0
    }

    private let state = Mutex(State())
    /// How many values wait for a listener that is slow; the oldest ones are dropped.
    private let capacity: Int

    init(capacity: Int = 256) {
        self.capacity = capacity
    }

    /// Nothing can come any more, and nobody waits for it.
    deinit { for listener in state.withLock({ $0.listeners.values.map { $0 } }) { listener.finish() } }

    /// Whether nobody listens.
    var isEmpty: Bool { state.withLock { $0.listeners.isEmpty } }

    func send(_ element: Element) {
        let listeners = state.withLock { Array($0.listeners.values) }
        for listener in listeners { listener.yield(element) }
    }

    func listen() -> AsyncStream<Element> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Element.self,
            bufferingPolicy: .bufferingNewest(capacity)
        )
        let number = state.withLock { state in
            state.next += 1
            state.listeners[state.next] = continuation
            return state.next
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.listeners.removeValue(forKey: number) }
        }
        return stream
    }
}
