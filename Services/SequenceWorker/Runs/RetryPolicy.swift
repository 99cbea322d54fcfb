import Contracts
import ControlStore
import Sequences

/// Decides what becomes of a run whose attempt failed.
struct RetryPolicy: Sendable {
    /// How often a run is tried.
    var attempts = 20
    /// The longest pause between two attempts.
    var greatestDelay = Duration.seconds(300)

    /// What no repetition mends: the run is set aside at once, for a person to look at.
    private static let permanent: Set<String> = [
        SequenceFailure.Code.invalidVariable.description, SequenceFailure.Code.unauthenticated.description,
        SequenceFailure.Code.script.description, SequenceFailure.Code.limit.description,
        SequenceFailure.Code.notFound.description,
    ]

    /// How the run goes on after this attempt.
    ///
    /// - Parameters:
    ///   - attempt: The number of the attempt that failed, from 1.
    ///   - holding: Whether younger runs of the same documents wait when this one has failed for good.
    ///   - jitter: A number from 0 to 1, so that runs which failed together do not come back together.
    func end(after failure: Failure, attempt: Int, holding: Bool, jitter: Double) -> RunEnd {
        guard !Self.permanent.contains(failure.code), attempt < attempts else {
            return .failed(failure, holding: holding)
        }
        return .retry(failure, after: delay(after: attempt, jitter: jitter))
    }

    /// One second after the first attempt, then twice as long each time, by up to half less.
    func delay(after attempt: Int, jitter: Double) -> Duration {
        let doubled = Duration.seconds(1 << min(attempt - 1, 20))
        return min(doubled, greatestDelay) * (1 - jitter / 2)
    }
}
