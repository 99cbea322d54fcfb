import Contracts
import ControlStore
import JSON
import Sequences

/// Decides what becomes of a run whose attempt failed.
struct RetryPolicy: Sendable {
    /// How often a run is tried whose failure may be its own.
    var attempts = 20
    /// The longest pause between two attempts.
    var greatestDelay = Duration.seconds(300)

    /// What no repetition mends: the run is set aside at once, for a person to look at.
    private static let permanent: Set<String> = [
        SequenceFailure.Code.invalidVariable.description, SequenceFailure.Code.unauthenticated.description,
        SequenceFailure.Code.script.description, SequenceFailure.Code.limit.description,
        SequenceFailure.Code.notFound.description,
    ]

    /// What passes when what the run needs is there again: it is waited for as long as it takes, so that the backlog
    /// of an outage drains by itself.
    private static let passing: Set<String> = [
        "connect_failed", "connection_lost", "timeout", "circuit_open", "busy", "cancelled", "not_json",
        "connector_unavailable", "unavailable", "stopped",
    ]

    /// How the run goes on after this attempt.
    ///
    /// - Parameters:
    ///   - attempt: The number of the attempt that failed, from 1.
    ///   - holding: Whether younger runs of the same documents wait when this one has failed for good.
    ///   - jitter: A number from 0 to 1, so that runs which failed together do not come back together.
    func end(after failure: Failure, attempt: Int, holding: Bool, jitter: Double) -> RunEnd {
        let mayGoOn = Self.mayPass(failure) || !Self.permanent.contains(failure.code) && attempt < attempts
        guard mayGoOn else { return .failed(failure, holding: holding) }
        return .retry(failure, after: delay(after: attempt, jitter: jitter))
    }

    /// Whether the failure says that a back end or a server of ours is not there or not well, not that it refused.
    private static func mayPass(_ failure: Failure) -> Bool {
        guard failure.code == SequenceFailure.Code.httpStatus.description else { return passing.contains(failure.code) }
        let details = failure.details["details"] ?? failure.details
        guard let status = details["status"]?.intValue else { return false }
        return status >= 500 || status == 408 || status == 429
    }

    /// One second after the first attempt, then twice as long each time, by up to half less.
    func delay(after attempt: Int, jitter: Double) -> Duration {
        let doubled = Duration.seconds(1 << min(attempt - 1, 20))
        return min(doubled, greatestDelay) * (1 - jitter / 2)
    }
}
