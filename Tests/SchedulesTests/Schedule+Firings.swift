import Schedules

extension Schedule {
    /// The moments from the one (included) to the other (not included) at which the schedule fires, the first `limit`.
    func firings(from start: Timestamp, to end: Timestamp, limit: Int) -> [Timestamp] {
        var result: [Timestamp] = []
        var last = start + -1
        while result.count < limit, let next = nextFiring(after: last), next < end {
            result.append(next)
            last = next
        }
        return result
    }
}
