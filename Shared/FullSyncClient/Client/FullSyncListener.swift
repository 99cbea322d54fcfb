public import Dispatch
public import JSON

/// A handler that is told what comes, until it is cancelled or the client is gone, whether or not somebody keeps this.
///
/// It is called on the main actor, or on the queue that is named, one thing after the other.
public final class FullSyncListener: Sendable {
    private let lanes: HandlerLanes
    private let task: Task<Void, Never>

    fileprivate init<Value: Sendable>(
        _ values: AsyncStream<Value>,
        _ lanes: HandlerLanes,
        _ tell: @escaping @Sendable (Value) -> Void
    ) {
        self.lanes = lanes
        task = Task { for await value in values { tell(value) } }
    }

    /// Ends it and lets go of the handler: it does not begin any more.
    ///
    /// On another thread it can be under way when this returns.
    public func cancel() {
        lanes.close()
        task.cancel()
    }
}

extension FullSyncClient {
    /// Has a handler told the responses to calls of exactly that text, its marker included, whoever makes them; see
    /// ``responses(to:)``.
    @discardableResult
    public nonisolated func listen(
        to requestable: String,
        _ handler: @escaping @MainActor @Sendable (JSONValue) -> Void
    ) -> FullSyncListener {
        let lanes = HandlerLanes()
        return FullSyncListener(responses(to: requestable), lanes, lanes.main(handler))
    }

    /// Has a handler told the responses to calls of exactly that text, its marker included, whoever makes them; see
    /// ``responses(to:)``.
    @discardableResult
    public nonisolated func listen(
        to requestable: String,
        on queue: DispatchQueue,
        _ handler: @escaping @Sendable (JSONValue) -> Void
    ) -> FullSyncListener {
        let lanes = HandlerLanes()
        return FullSyncListener(responses(to: requestable), lanes, lanes.queue(queue, handler))
    }

    /// Has a handler told what happens beside the calls; see ``events``.
    @discardableResult
    public nonisolated func listenToEvents(
        _ handler: @escaping @MainActor @Sendable (FullSyncEvent) -> Void
    ) -> FullSyncListener {
        let lanes = HandlerLanes()
        return FullSyncListener(events, lanes, lanes.main(handler))
    }

    /// Has a handler told what happens beside the calls; see ``events``.
    @discardableResult
    public nonisolated func listenToEvents(
        on queue: DispatchQueue,
        _ handler: @escaping @Sendable (FullSyncEvent) -> Void
    ) -> FullSyncListener {
        let lanes = HandlerLanes()
        return FullSyncListener(events, lanes, lanes.queue(queue, handler))
    }
}
