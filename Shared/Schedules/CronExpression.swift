/// Times of a wall clock in the notation of cron, as Quartz extends it.
///
/// Six fields, or five when the seconds are left out (and are 0): seconds, minutes, hours, day of the month, month, day
/// of the week.
///
/// - `*` every value; `?` the same, in the two fields of days; `a`, `a-b`, lists with `,`, steps `*/n`, `a/n`, `a-b/n`.
///   A range may run past its end: `FRI-MON`, `22-2`.
/// - Months are 1 to 12 or `JAN` to `DEC`; days of the week 0 to 7 or `SUN` to `SAT`, where 0 and 7 are Sunday (cron's
///   numbers; Quartz counts Sunday as 1).
/// - Day of the month: `L` the last day, `L-3` the third before it, `15W` the weekday (Monday to Friday) nearest to the
///   15th in the same month, `LW` the last weekday.
/// - Day of the week: `FRIL` or `5L` the last Friday, `MON#2` or `1#2` the second Monday.
/// - When both fields of days are restricted, a day that either of them names counts, as in Vixie's cron.
/// - `@yearly`, `@monthly`, `@weekly`, `@daily`, `@hourly`.
package struct CronExpression: Sendable, Hashable {
    /// The expression as it was written.
    package let text: String

    let seconds: CronSet
    let minutes: CronSet
    let hours: CronSet
    let months: CronSet
    let days: CronDays

    /// Whether the hour is left open, so that the schedule is an interval rather than a time of day.
    ///
    /// Decides what happens when clocks are put forward or back; see `nextFiring`.
    var isInterval: Bool { hours.isEveryValue }

    /// Reads an expression; throws when it is none, or can never fire.
    package init(_ text: String) throws(CronError) {
        var fields = text.split(whereSeparator: { $0 == " " || $0 == "\t" }).map { String($0).uppercased() }
        if let only = fields.first, only.hasPrefix("@") {
            guard fields.count == 1, let full = Self.nicknames[only] else {
                throw CronError("'\(text)' is none of @yearly, @monthly, @weekly, @daily, @hourly")
            }
            fields = full.split(separator: " ").map(String.init)
        }
        if fields.count == 5 { fields.insert("0", at: 0) }
        guard fields.count == 6 else {
            throw CronError(
                "a cron expression has 5 or 6 fields ([seconds] minutes hours day month weekday), not \(fields.count)"
            )
        }
        self.text = text
        seconds = try CronSet(fields[0], of: .seconds)
        minutes = try CronSet(fields[1], of: .minutes)
        hours = try CronSet(fields[2], of: .hours)
        months = try CronSet(fields[4], of: .months)
        days = try CronDays(month: fields[3], week: fields[5])
        try days.check(against: months)
    }

    private static let nicknames = [
        "@YEARLY": "0 0 0 1 1 *", "@ANNUALLY": "0 0 0 1 1 *", "@MONTHLY": "0 0 0 1 * *", "@WEEKLY": "0 0 0 * * 0",
        "@DAILY": "0 0 0 * * *", "@MIDNIGHT": "0 0 0 * * *", "@HOURLY": "0 0 * * * *",
    ]
}
