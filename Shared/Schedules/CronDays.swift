/// The days that the two fields of days in a cron expression name.
struct CronDays: Sendable, Hashable {
    /// A rule for one day of a month.
    private enum Rule: Sendable, Hashable {
        /// That many days before the month's last.
        case beforeLast(Int)
        /// The weekday, Monday to Friday, that is nearest to the day and in the same month.
        case nearestWeekday(Int)
        /// The last Monday to Friday of the month.
        case lastWeekday
        /// The last such day of the week.
        case last(weekday: Int)
        /// The n-th such day of the week.
        case nth(Int, weekday: Int)
    }

    private var daysOfMonth = CronSet(of: .daysOfMonth)
    private var daysOfWeek = CronSet(of: .daysOfWeek)
    private var monthRules: [Rule] = []
    private var weekRules: [Rule] = []
    /// Whether a day must be named by both fields, because one of them begins with `*` or `?` (Vixie's rule).
    private let needsBoth: Bool

    init(month: String, week: String) throws(CronError) {
        needsBoth = [month, week].contains { $0.hasPrefix("*") || $0.hasPrefix("?") }
        for part in month.split(separator: ",", omittingEmptySubsequences: false) {
            if let rule = try Self.monthRule(part) { monthRules.append(rule) } else { try daysOfMonth.add(part) }
        }
        for part in week.split(separator: ",", omittingEmptySubsequences: false) {
            if let rule = try Self.weekRule(part) { weekRules.append(rule) } else { try daysOfWeek.add(part) }
        }
        guard monthRules.count + weekRules.count <= 100 else { throw CronError("more than 100 rules for days") }
    }

    private static func monthRule(_ text: Substring) throws(CronError) -> Rule? {
        if text == "LW" || text == "WL" { return .lastWeekday }
        if text == "L" { return .beforeLast(0) }
        if text.hasPrefix("L-") {
            guard let count = Int(text.dropFirst(2)), (1...30).contains(count) else {
                throw CronError("'\(text)' in the field of days of the month, expected L-1 to L-30")
            }
            return .beforeLast(count)
        }
        if text.hasSuffix("W") { return .nearestWeekday(try CronField.daysOfMonth.value(text.dropLast())) }
        return nil
    }

    private static func weekRule(_ text: Substring) throws(CronError) -> Rule? {
        if text == "L" {
            throw CronError("'L' in the field of days of the week needs the day, like FRIL")
        }
        if let mark = text.firstIndex(of: "#") {
            guard let number = Int(text[text.index(after: mark)...]), (1...5).contains(number) else {
                throw CronError("'\(text)' in the field of days of the week, expected #1 to #5")
            }
            return .nth(number, weekday: try CronField.daysOfWeek.value(text[..<mark]))
        }
        return text.hasSuffix("L") ? .last(weekday: try CronField.daysOfWeek.value(text.dropLast())) : nil
    }

    /// Whether the fields name the day.
    func contains(_ date: CivilDate) -> Bool {
        let byMonth = daysOfMonth.contains(date.day) || monthRules.contains { Self.holds($0, on: date) }
        let byWeek = daysOfWeek.contains(date.weekday) || weekRules.contains { Self.holds($0, on: date) }
        return needsBoth ? byMonth && byWeek : byMonth || byWeek
    }

    private static func holds(_ rule: Rule, on date: CivilDate) -> Bool {
        let length = CivilDate.days(inMonth: date.month, of: date.year)
        switch rule {
        case .beforeLast(let count): return date.day == length - count
        case .lastWeekday: return date.day == nearestWeekday(to: length, in: date, length: length)
        case .nearestWeekday(let day):
            return day <= length && date.day == nearestWeekday(to: day, in: date, length: length)
        case .last(let weekday): return date.weekday == weekday && date.day > length - 7
        case .nth(let number, let weekday): return date.weekday == weekday && (date.day - 1) / 7 + 1 == number
        }
    }

    private static func nearestWeekday(to day: Int, in month: CivilDate, length: Int) -> Int {
        switch CivilDate(uncheckedYear: month.year, month: month.month, day: day).weekday {
        case 6: day > 1 ? day - 1 : day + 2
        case 0: day < length ? day + 1 : day - 2
        default: day
        }
    }

    /// The first day from that one on that is in one of the months and that the fields name.
    ///
    /// Nil when there is none within 60 years; the rarest day that cron can name, a fifth weekday of February, comes at
    /// least every 40.
    func first(from start: CivilDate, in months: CronSet) -> CivilDate? {
        var (year, month, day) = (start.year, start.month, start.day)
        while year <= start.year + 60 {
            if months.contains(month) {
                for day in day..<CivilDate.days(inMonth: month, of: year) + 1 {
                    let date = CivilDate(uncheckedYear: year, month: month, day: day)
                    if contains(date) { return date }
                }
            }
            day = 1
            (year, month) = month == 12 ? (year + 1, 1) : (year, month + 1)
        }
        return nil
    }

    /// Throws when no month has a day that the fields name, as with 30 February.
    func check(against months: CronSet) throws(CronError) {
        let start = CivilDate(uncheckedYear: 2000, month: 1, day: 1)
        guard first(from: start, in: months) == nil else { return }
        throw CronError("never fires: none of the months that it names has such a day")
    }
}
