/// When a job runs.
package enum Schedule: Sendable, Hashable {
    /// At the times of a clock on a wall in a time zone.
    case cron(CronExpression, in: Zone)
    /// Every so many seconds, counted from `anchor`: always at the same moments, whoever looks and however often.
    case every(seconds: Int, anchor: Timestamp)
    /// Once.
    case at(Timestamp)

    /// The longest interval: ten years.
    package static let longestInterval = 3_660 * 86_400

    /// An interval counted from 1970-01-01T00:00:00Z, so that `every: 10m` means each full ten minutes.
    package static func every(seconds: Int) -> Schedule {
        .every(seconds: seconds, anchor: Timestamp(seconds: 0))
    }

    /// The first moment after that one at which the schedule fires; nil when it never does again.
    package func nextFiring(after moment: Timestamp) -> Timestamp? {
        switch self {
        case .cron(let expression, let zone): return expression.nextFiring(after: moment, in: zone)
        case .every(let seconds, let anchor):
            let elapsed = moment - anchor
            let turns = elapsed >= 0 ? elapsed / seconds : (elapsed - seconds + 1) / seconds
            return anchor + (turns + 1) * seconds
        case .at(let time): return time > moment ? time : nil
        }
    }
}
