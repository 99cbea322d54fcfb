/// What a replication reports while it runs.
package struct ReplicationProgress: Sendable {
    /// What it is doing.
    package enum State: Sendable {
        /// Changes are being brought over.
        case active
        /// A live replication waits for changes.
        case idle
        /// A side failed; it will be tried again.
        case waiting(for: Duration, failure: any Error)
    }

    package var state: State
    package var statistics: ReplicationStatistics
    /// How many more changes there are, when the source knows.
    package var pending: Int?
    /// The documents that were refused since the report before; they are not tried again until they change.
    package var failures: [WriteFailure]
    /// Everything up to here is on the target.
    package var completedThrough: UpdateSequence
}

/// What a replication came to.
package struct ReplicationResult: Sendable {
    package let statistics: ReplicationStatistics
    /// Where it began.
    package let since: UpdateSequence
    /// Everything up to here is on the target, and both sides know.
    package let through: UpdateSequence
}
