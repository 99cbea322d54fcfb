extension CronExpression {
    /// The first moment after that one at which the expression fires; nil when there is none within 60 years.
    ///
    /// Where clocks are put forward or back, Vixie's cron is followed:
    ///
    /// - An expression with fixed hours is meant for times of day. A time that the clocks skip is made up for at the
    ///   first moment after the gap, once however many such times there were; a time that they show twice fires at its
    ///   first occurrence only.
    /// - An expression whose hours are `*` is an interval: it fires whenever the clock shows a time that it names, so
    ///   it goes on through a repeated hour and has nothing to make up for after a gap.
    package func nextFiring(after moment: Timestamp, in zone: Zone) -> Timestamp? {
        isInterval ? nextInterval(after: moment, in: zone) : nextTimeOfDay(after: moment, in: zone)
    }

    private func nextTimeOfDay(after moment: Timestamp, in zone: Zone) -> Timestamp? {
        // Counted with the offset of `moment`: one second before a gap this is the first time within it.
        var shown = CivilTime(secondsFromEpoch: moment.seconds + zone.offset(at: moment) + 1)
        while let time = firstTime(from: shown) {
            let candidate = zone.firstMoment(showing: time)
            if candidate > moment { return candidate }
            shown = CivilTime(secondsFromEpoch: time.secondsFromEpoch + 1)
        }
        return nil
    }

    private func nextInterval(after moment: Timestamp, in zone: Zone) -> Timestamp? {
        var current = moment + 1
        let horizon = zone.wallTime(at: current).date.year + 60
        while true {
            let shown = zone.wallTime(at: current)
            guard shown.date.year <= horizon else { return nil }
            if matches(shown) { return current }
            guard let next = firstTime(from: shown) else { return nil }
            // At most to the end of the next day, so that a change of offset on the way is never jumped over.
            let wait = next.secondsFromEpoch - shown.secondsFromEpoch
            let daysToSkip = next.date.daysFromEpoch - shown.date.daysFromEpoch - 2
            let target =
                daysToSkip > 0 && zone.offset(at: current + 86_400) == zone.offset(at: current)
                ? zone.firstMoment(showing: CivilTime(secondsFromEpoch: (next.date.daysFromEpoch - 1) * 86_400))
                : current + min(wait, 86_400)
            let changes = target - current <= 86_400 && zone.offset(at: target) != zone.offset(at: current)
            current = changes ? zone.firstChange(after: current, through: target) : target
        }
    }

    /// Whether a clock that shows this time fires the expression.
    func matches(_ time: CivilTime) -> Bool {
        seconds.contains(time.second) && minutes.contains(time.minute) && hours.contains(time.hour)
            && months.contains(time.date.month) && days.contains(time.date)
    }

    /// The first time from that one on, by the calendar alone, that the expression names.
    func firstTime(from start: CivilTime) -> CivilTime? {
        guard let date = days.first(from: start.date, in: months) else { return nil }
        if date == start.date, let time = firstTimeOfDay(from: (start.hour, start.minute, start.second)) {
            return CivilTime(date: date, hour: time.0, minute: time.1, second: time.2)
        }
        let tomorrow = CivilDate(daysFromEpoch: start.date.daysFromEpoch + 1)
        guard let later = date == start.date ? days.first(from: tomorrow, in: months) : date,
            let time = firstTimeOfDay(from: (0, 0, 0))
        else { return nil }
        return CivilTime(date: later, hour: time.0, minute: time.1, second: time.2)
    }

    private func firstTimeOfDay(from start: (Int, Int, Int)) -> (Int, Int, Int)? {
        var (hour, minute, second) = start
        while let nextHour = hours.first(from: hour) {
            if nextHour > hour { (minute, second) = (0, 0) }
            while let nextMinute = minutes.first(from: minute) {
                if nextMinute > minute { second = 0 }
                if let nextSecond = seconds.first(from: second) { return (nextHour, nextMinute, nextSecond) }
                (minute, second) = (nextMinute + 1, 0)
            }
            (hour, minute, second) = (nextHour + 1, 0, 0)
        }
        return nil
    }
}
