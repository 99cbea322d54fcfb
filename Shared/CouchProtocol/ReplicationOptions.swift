/// How a replication is carried out.
package struct ReplicationOptions: Sendable {
    /// Whether it goes on when all is replicated, until it is cancelled.
    package var isLive = false
    /// Which documents it is about.
    package var filter = ReplicationFilter.none
    /// How many changes a batch has.
    package var batchSize = 500
    /// How many batches are under way at once, besides the page that is being read.
    package var batchesInFlight = 2
    /// How many batches are done between two checkpoints; one is also made whenever there is nothing more to do.
    package var batchesPerCheckpoint = 8
    /// How long a live replication waits for changes in one request.
    package var wait = Duration.seconds(30)
    /// How often the source gives a sign of life meanwhile, and then waits for as long as it takes; nil for never.
    package var heartbeat: Duration?
    /// What happens when a side cannot be reached.
    package var retry = RetryPolicy()
    /// Is run before the checkpoints are read; nil for nothing.
    ///
    /// What it is given records on both sides that everything up to a place is on the target already, as when the
    /// target is a copy of one that was pulled elsewhere.
    package var prepare: (@Sendable (_ begin: (UpdateSequence) async throws -> Void) async throws -> Void)?
    /// The present time as checkpoints show it to people; nil to leave it out.
    package var timestamp: (@Sendable () -> String)?

    /// A replication once and for all documents.
    package init() {}
}

/// When to try again what failed for a reason that may pass.
package struct RetryPolicy: Hashable, Sendable {
    /// How long the first pause is; each further one is twice as long.
    package var firstPause = Duration.milliseconds(500)
    /// How long the longest pause is.
    package var longestPause = Duration.seconds(300)
    /// After how many failures in a row a replication gives up.
    package var attemptLimit = 5
    /// Whether a live one never does.
    package var isEndlessWhenLive = true

    /// The policy of a replication that says nothing else.
    package init() {}

    /// The pause after that many failures in a row, from 1.
    ///
    /// - Parameters:
    ///   - failures: How often it has failed since the last success.
    ///   - jitter: A random number from 0 to 1, so that devices that lost a server together do not come back together.
    /// - Returns: From half to the whole of the pause.
    package func pause(afterFailures failures: Int, jitter: Double) -> Duration {
        let doublings = min(max(failures - 1, 0), 30)
        let pause = min(firstPause * (1 << doublings), longestPause)
        return pause * (0.5 + 0.5 * min(max(jitter, 0), 1))
    }

    /// Whether the failure may pass: the side could not be reached, was overloaded, or failed itself.
    package static func mayPass(_ error: any Error) -> Bool {
        switch error {
        case is TransportError: true
        case let error as CouchError: error.status >= 500 && error.status != 501 || [408, 429].contains(error.status)
        default: false
        }
    }
}
