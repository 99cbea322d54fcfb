internal import Synchronization

/// One message on its way to its confirmation.
struct PublishTicket: Sendable {
    let message: OutgoingMessage
    let deadline: ContinuousClock.Instant
    let batch: PublishBatch
    /// The broker sent it back; its confirmation will follow.
    var isReturned = false
    /// It was sent before, and nobody knows what became of that.
    var isInDoubt = false

    /// Whether it need not be sent any more: it is late, or nobody waits for it.
    func isOver(_ now: ContinuousClock.Instant) -> Bool {
        deadline <= now || batch.isAbandoned
    }
}

/// Whether any of some messages was sent, perhaps only in part.
final class SendMark: Sendable {
    private let mark = Atomic(false)

    var isSent: Bool { mark.load(ordering: .sequentiallyConsistent) }

    func set(_ isSent: Bool) { mark.store(isSent, ordering: .sequentiallyConsistent) }
}

/// The messages that one caller waits for together.
final class PublishBatch: Sendable {
    private let progress: Mutex<(remaining: Int, error: MessagingError?)>
    private let promise: Promise<Void>
    private let mark: SendMark

    /// A batch of `count` messages, at least one, which resolves `promise` when all have their outcome.
    init(count: Int, _ promise: Promise<Void>, _ mark: SendMark) {
        progress = Mutex((count, nil))
        self.promise = promise
        self.mark = mark
    }

    /// Marks the batch as sent, unless nobody waits any more: what was not sent yet need not be.
    ///
    /// Marked first, so that whoever ends the waiting and then finds no mark knows that nothing is sent.
    func begin() -> Bool {
        mark.set(true)
        return !isAbandoned
    }

    /// Whether nobody waits any more.
    var isAbandoned: Bool { promise.isResolved }

    /// The error when there was not enough time.
    func late(_ reason: String) -> MessagingError {
        mark.isSent ? .timedOut(reason) : .notSent(reason)
    }

    /// One of the messages has its outcome; the caller hears the first error, but of messages that were not accepted
    /// only where nothing worse became of another: who goes on without those has to know that all others are there.
    func finish(_ error: MessagingError?) {
        let outcome = progress.withLock { progress -> Result<Void, MessagingError>? in
            progress.remaining -= 1
            if progress.error == nil || progress.error == .notAccepted { progress.error = error ?? progress.error }
            guard progress.remaining == 0 else { return nil }
            return progress.error.map(Result.failure) ?? .success(())
        }
        if let outcome { promise.resolve(outcome) }
    }
}
