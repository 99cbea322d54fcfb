import JSON
import Synchronization

/// Brings the responses of calls to those who listen for them, by the text of what was called.
final class ResponseRouter: Sendable {
    private struct State {
        var listeners: [String: [Int: AsyncStream<JSONValue>.Continuation]] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    /// The responses to calls of exactly that text, marker included, from now on.
    func responses(to requestable: String) -> AsyncStream<JSONValue> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: JSONValue.self,
            bufferingPolicy: .bufferingNewest(256)
        )
        let number = state.withLock { state in
            state.next += 1
            state.listeners[requestable, default: [:]][state.next] = continuation
            return state.next
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { state in
                state.listeners[requestable]?[number] = nil
                if state.listeners[requestable]?.isEmpty == true { state.listeners[requestable] = nil }
            }
        }
        return stream
    }

    /// Tells a response.
    func send(_ response: JSONValue, to requestable: String) {
        let listeners = state.withLock { Array(($0.listeners[requestable] ?? [:]).values) }
        for listener in listeners { listener.yield(response) }
    }
}
