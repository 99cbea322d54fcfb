/// Waits for a client to hang up.
final class ClientDeparture: HangUpListener {
    private let signal: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (signal, continuation) = AsyncStream.makeStream()
    }

    func clientHungUp() { continuation.finish() }

    /// Returns when the client has hung up, or when this task is cancelled.
    func wait() async {
        for await _ in signal {}
    }
}
