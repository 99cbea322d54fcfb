internal import Synchronization

/// One message on its way to its confirmation.
struct PublishTicket: Sendable {
    let message: OutgoingMessage
    let deadline: ContinuousClock.Instant
    let batch: PublishBatch
    /// The broker sent it back; its confirmation will follow.
    var isReturned = false
}

/// The messages that one caller waits for together.
final class PublishBatch: Sendable {
    private let progress: Mutex<(remaining: Int, error: MessagingError?)>
    private let promise: Promise<Void>

    /// A batch of `count` messages, at least one, which resolves `promise` when all have their outcome.
    init(count: Int, _ promise: Promise<Void>) {
        progress = Mutex((count, nil))
        self.promise = promise
    }

    /// Nobody waits any more: what was not sent yet need not be.
    var isAbandoned: Bool { promise.isResolved }

    /// One of the messages has its outcome; the caller hears the first error.
    func finish(_ error: MessagingError?) {
        let outcome = progress.withLock { progress -> Result<Void, MessagingError>? in
            progress.remaining -= 1
            progress.error = progress.error ?? error
            guard progress.remaining == 0 else { return nil }
            return progress.error.map(Result.failure) ?? .success(())
        }
        if let outcome { promise.resolve(outcome) }
    }
}
