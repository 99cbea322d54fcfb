public import Dispatch
public import JSON
import Synchronization

/// A call whose answers come to handlers, for applications that do not wait with `await`.
///
/// ```swift
/// client.request("fs://orders.all", ["__live": true])
///     .onResponse { orders in show(orders) }
///     .onFailure { error in show(error) }
/// ```
///
/// The call has begun, and it goes on whether or not somebody keeps this. It gets either a response or a failure. Two
/// kinds of calls go on behind their response: with `__live` each new answer is another response, and a sync that is
/// `continuous` tells its progress; both until ``cancel()`` or a failure, which is the last that they tell. Requests
/// that are made one after the other go on beside each other: what must come later is asked for in a handler.
///
/// Handlers are added at any time. One that is added late is told what there is: the response (of a live call the
/// newest one, which stands for those before), or the failure. Handlers run on the main actor, or one after the other
/// on the queue that is named, in the order in which things happened. Once the request has ended it lets go of them, so
/// what they hold goes; a request that goes on holds them until ``cancel()``.
///
/// The main actor works only where somebody serves the main queue. Applications with a user interface do; a program of
/// the command line calls `dispatchMain()`, or names a queue of its own.
public final class FullSyncRequest: Sendable {
    private typealias Handler<Value> = @Sendable (Value) -> Void

    private struct State {
        var responses: [Handler<JSONValue>] = []
        var progress: [Handler<JSONValue>] = []
        var failures: [Handler<FullSyncError>] = []
        var response: JSONValue?
        var lastProgress: JSONValue?
        var failure: FullSyncError?
        /// What ends what is under way; nil before it has begun.
        var endings: [@Sendable () -> Void] = []
        var goesOn = false
        var hasEnded = false
        var isCancelled = false

        /// Nothing is told any more, and nobody is held.
        ///
        /// - Returns: What was held, to be let go outside of the lock: what ends with it may call this request.
        mutating func end() -> Held {
            let held = Held(responses: responses, progress: progress, failures: failures, endings: endings)
            hasEnded = true
            (responses, progress, failures, endings, lastProgress) = ([], [], [], [], nil)
            return held
        }
    }

    /// The handlers of a request that has ended.
    private struct Held {
        var responses: [Handler<JSONValue>] = []
        var progress: [Handler<JSONValue>] = []
        var failures: [Handler<FullSyncError>] = []
        var endings: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())
    private let lanes = HandlerLanes()

    init() {}

    // MARK: - What an application says

    /// Adds a handler of the response, and of each new answer where the call is live.
    @discardableResult
    public func onResponse(_ handler: @escaping @MainActor @Sendable (JSONValue) -> Void) -> Self {
        addResponse(lanes.main(handler))
    }

    /// Adds a handler of the response, and of each new answer where the call is live.
    @discardableResult
    public func onResponse(on queue: DispatchQueue, _ handler: @escaping @Sendable (JSONValue) -> Void) -> Self {
        addResponse(lanes.queue(queue, handler))
    }

    /// Adds a handler of a sync's progress: `direction`, `current`, `total`, `progress`, `status`.
    ///
    /// One that is added late is told the newest one.
    @discardableResult
    public func onProgress(_ handler: @escaping @MainActor @Sendable (JSONValue) -> Void) -> Self {
        addProgress(lanes.main(handler))
    }

    /// Adds a handler of a sync's progress: `direction`, `current`, `total`, `progress`, `status`.
    ///
    /// One that is added late is told the newest one.
    @discardableResult
    public func onProgress(on queue: DispatchQueue, _ handler: @escaping @Sendable (JSONValue) -> Void) -> Self {
        addProgress(lanes.queue(queue, handler))
    }

    /// Adds a handler of the failure, which is the last that a request tells.
    ///
    /// A call that others have ended, such as by ``FullSyncClient/cancelLive(_:)`` or a logout, fails as `cancelled`.
    @discardableResult
    public func onFailure(_ handler: @escaping @MainActor @Sendable (FullSyncError) -> Void) -> Self {
        addFailure(lanes.main(handler))
    }

    /// Adds a handler of the failure, which is the last that a request tells.
    ///
    /// A call that others have ended, such as by ``FullSyncClient/cancelLive(_:)`` or a logout, fails as `cancelled`.
    @discardableResult
    public func onFailure(on queue: DispatchQueue, _ handler: @escaping @Sendable (FullSyncError) -> Void) -> Self {
        addFailure(lanes.queue(queue, handler))
    }

    /// Ends the call and lets go of the handlers: none of them begins any more, also none that is added later.
    ///
    /// A handler on another thread can be under way when this returns. What the call has done stays done.
    public func cancel() {
        lanes.close()
        let held = state.withLock { state in
            state.isCancelled = true
            return state.end()
        }
        for end in held.endings { end() }
    }

    private func addResponse(_ handler: @escaping Handler<JSONValue>) -> Self {
        state.withLock { state in
            if let response = state.response { handler(response) }
            if !state.hasEnded { state.responses.append(handler) }
        }
        return self
    }

    private func addProgress(_ handler: @escaping Handler<JSONValue>) -> Self {
        state.withLock { state in
            if let progress = state.lastProgress { handler(progress) }
            if !state.hasEnded { state.progress.append(handler) }
        }
        return self
    }

    private func addFailure(_ handler: @escaping Handler<FullSyncError>) -> Self {
        state.withLock { state in
            if let failure = state.failure { handler(failure) }
            if !state.hasEnded { state.failures.append(handler) }
        }
        return self
    }

    // MARK: - What the client says

    /// The call can be ended by this from now on; when it was cancelled before, it is at once.
    func begins(_ end: @escaping @Sendable () -> Void) {
        let isCancelled = state.withLock { state in
            if !state.hasEnded { state.endings.append(end) }
            return state.isCancelled
        }
        if isCancelled { end() }
    }

    /// The call goes on behind its response, until ``ended(_:)``.
    func goesOn(_ end: @escaping @Sendable () -> Void) {
        state.withLock { $0.goesOn = true }
        begins(end)
    }

    func told(_ progress: JSONValue) {
        state.withLock { state in
            guard !state.hasEnded else { return }
            state.lastProgress = progress
            for handler in state.progress { handler(progress) }
        }
    }

    /// An answer of a call that goes on.
    func answered(_ response: JSONValue) {
        state.withLock { state in
            guard !state.hasEnded else { return }
            state.response = response
            for handler in state.responses { handler(response) }
        }
    }

    /// The call has returned, which ends the request unless it goes on.
    func returned(_ response: JSONValue) {
        // What goes on has answered already, by itself and in order.
        let isLast = state.withLock { !$0.goesOn }
        guard isLast else { return }
        answered(response)
        _ = state.withLock { $0.end() }
    }

    /// The call has failed, or what went on has.
    func ended(_ error: any Error) {
        let failure = FullSyncError(telling: error)
        _ = state.withLock { state -> Held in
            guard !state.hasEnded else { return Held() }
            state.failure = failure
            for handler in state.failures { handler(failure) }
            return state.end()
        }
    }
}

extension FullSyncClient {
    /// Calls a verb of a local database or a sequence of the server as ``call(_:_:)`` does, and tells the answer to
    /// handlers.
    ///
    /// - Parameters:
    ///   - requestable: `fs://database.verb#marker` or `project.sequence#marker`.
    ///   - parameters: The verb's parameters, or the sequence's variables.
    /// - Returns: The request, to which handlers are added.
    @discardableResult
    public nonisolated func request(_ requestable: String, _ parameters: JSONObject = [:]) -> FullSyncRequest {
        let request = FullSyncRequest()
        let task = Task {
            do {
                request.returned(try await call(requestable, parameters, for: request))
            } catch {
                request.ended(error)
            }
        }
        request.begins { task.cancel() }
        return request
    }
}

extension FullSyncError {
    /// The error as handlers are told it.
    init(telling error: any Error) {
        switch error {
        case let error as FullSyncError: self = error
        case is CancellationError:
            (status, self.error, reason) = (nil, "cancelled", "The call was ended before it had its answer.")
        default: (status, self.error, reason) = (nil, "unknown_error", String(describing: error))
        }
    }
}
