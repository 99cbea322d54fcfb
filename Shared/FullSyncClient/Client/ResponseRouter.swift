import JSON
import Synchronization

/// Brings the responses of calls to those who listen for them, by the text of what was called.
final class ResponseRouter: Sendable {
    private let listeners = Mutex<[String: Broadcast<JSONValue>]>([:])

    /// The responses to calls of exactly that text, marker included, from now on.
    func responses(to requestable: String) -> AsyncStream<JSONValue> {
        listeners.withLock { listeners in
            // Texts that nobody listens for any more are forgotten.
            listeners = listeners.filter { !$0.value.isEmpty }
            let broadcast = listeners[requestable] ?? Broadcast()
            listeners[requestable] = broadcast
            return broadcast.listen()
        }
    }

    /// Tells a response.
    func send(_ response: JSONValue, to requestable: String) {
        listeners.withLock { $0[requestable] }?.send(response)
    }
}
