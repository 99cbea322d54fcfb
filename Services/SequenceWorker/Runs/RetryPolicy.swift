import Contracts
import ControlStore
import JSON
import Sequences

/// Decides what becomes of a run whose attempt failed.
struct RetryPolicy: Sendable {
    /// How often a run is tried whose failure may be its own.
    var attempts = 20
    /// How often a run is tried whose back end answers badly, or not in time: some days long, as it is the back end
    /// that is not well, most often, and not for ever, as it may be what this run asks.
    var patience = 2_000
    /// How many workers may be lost with a run in hand before it is set aside.
    var losses = 10
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
    private static let absent: Set<String> = [
        "connect_failed", "circuit_open", "busy", "cancelled", "connector_unavailable", "unavailable", "stopped",
    ]
    private static let absentStatuses: Set<Int> = [408, 429, 502, 503, 504]
    /// What a back end answers, most often to all runs, when a password or a token has expired, until there is another.
    private static let expiredStatus = 401

    /// What passes when a back end is well again, or never, when it is this run that it cannot do with.
    private static let unwell: Set<String> = ["connection_lost", "timeout", "not_json", "no_answer"]

    /// How the run goes on after this attempt.
    ///
    /// - Parameters:
    ///   - attempt: The number of the attempt that failed, from 1.
    ///   - uncounted: How many of those before are not counted: a run that has waited for days for a back end that was
    ///     away has all its attempts left.
    ///   - holding: Whether younger runs of the same documents wait when this one has failed for good.
    ///   - jitter: A number from 0 to 1, so that runs which failed together do not come back together.
    func end(after failure: Failure, attempt: Int, uncounted: Int, holding: Bool, jitter: Double) -> RunEnd {
        guard let limit = limit(after: failure) else {
            return .retry(failure, after: delay(after: attempt, jitter: jitter), isCounted: false)
        }
        let counted = attempt - uncounted
        guard counted < limit else { return .failed(failure, holding: holding) }
        return .retry(failure, after: delay(after: counted, jitter: jitter))
    }

    /// How many attempts there are that may end like this; nil when that is not counted.
    private func limit(after failure: Failure) -> Int? {
        if Self.permanent.contains(failure.code) { return 1 }
        if Self.absent.contains(failure.code) { return nil }
        if Self.unwell.contains(failure.code) { return max(attempts, patience) }
        guard failure.code == SequenceFailure.Code.httpStatus.description,
            let status = (failure.details["details"] ?? failure.details)["status"]?.intValue
        else { return attempts }
        if Self.absentStatuses.contains(status) { return nil }
        return status >= 500 || status == Self.expiredStatus ? max(attempts, patience) : attempts
    }

    /// One second after the first attempt, then twice as long each time, by up to half less.
    func delay(after attempt: Int, jitter: Double) -> Duration {
        let doubled = Duration.seconds(1 << min(attempt - 1, 20))
        return min(doubled, greatestDelay) * (1 - jitter / 2)
    }
}
