import Schedules
import Testing

@Suite struct CronReadingTests {
    @Test(arguments: [
        ("", "5 or 6 fields"), ("* * * *", "not 4"), ("* * * * * * *", "not 7"), ("60 * * * * *", "0 to 59"),
        ("* 60 * * *", "hours"), ("* * * 13 *", "1 to 12 or JAN to DEC"), ("* * * FOO *", "'FOO'"),
        ("* * 0 * *", "1 to 31"), ("* * * * 8", "0 to 7 or SUN to SAT"), ("*/0 * * * *", "above 0"),
        ("*/61 * * * *", "larger than the field"), ("1-2-3 * * * *", "minutes"), ("1,,2 * * * *", "minutes"),
        ("-1 * * * *", "minutes"), ("1/2/3 * * * *", "minutes"), ("? * * * *", "minutes"), ("+5 * * * *", "minutes"),
        ("* * L-31 * *", "L-1 to L-30"), ("* * * * L", "like FRIL"), ("* * * * MON#6", "#1 to #5"),
        ("* * 32W * *", "1 to 31"), ("@never", "@yearly"), ("@daily x", "@yearly"), ("0 0 0 0 0 0", "1 to 12"),
        ("١ * * * *", "minutes"),
    ])
    func `a wrong expression is refused with its field and what was expected`(text: String, reason: String) {
        let error = #expect(throws: CronError.self) { try CronExpression(text) }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31W 2 ?", "0 0 L-29 2 ?", "0 0 31 2 */2"])
    func `an impossible date is refused`(text: String) {
        let error = #expect(throws: CronError.self) { try CronExpression(text) }
        #expect(error?.description.hasPrefix("never fires") == true)
    }

    @Test(arguments: ["0 0 29 2 *", "0 0 30 1-3 *", "0 0 30 2 MON", "0 0 L 2 *", "0 0 ? 2 MON#5", "0 0 31W 1 *"])
    func `a rare date is none of them`(text: String) throws {
        _ = try CronExpression(text)
    }

    /// Expressions and the first times, in UTC, after 2026-11-23T16:00:00Z, a Monday.
    static let firings: [(String, [String])] = [
        (
            "0 30 6 * * MON-FRI",
            [
                "2026-11-24T06:30:00Z", "2026-11-25T06:30:00Z", "2026-11-26T06:30:00Z", "2026-11-27T06:30:00Z",
                "2026-11-30T06:30:00Z",
            ]
        ),
        ("*/15 * * * *", ["2026-11-23T16:15:00Z", "2026-11-23T16:30:00Z"]),
        (
            "30 5/20 * * * *",
            ["2026-11-23T16:05:30Z", "2026-11-23T16:25:30Z", "2026-11-23T16:45:30Z", "2026-11-23T17:05:30Z"]
        ),
        ("0 22-2/2 * * *", ["2026-11-23T22:00:00Z", "2026-11-24T00:00:00Z", "2026-11-24T02:00:00Z"]),
        ("0 0 * * SAT-MON", ["2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z"]),
        ("0 0 * * 7", ["2026-11-29T00:00:00Z"]), ("0 0 * * 5-7", ["2026-11-27T00:00:00Z"]),
        ("0 0 * * sun", ["2026-11-29T00:00:00Z"]),
        ("0 0 1 jan,MAR ?", ["2027-01-01T00:00:00Z", "2027-03-01T00:00:00Z"]),
        (
            "0 0 L * ?",
            ["2026-11-30T00:00:00Z", "2026-12-31T00:00:00Z", "2027-01-31T00:00:00Z", "2027-02-28T00:00:00Z"]
        ),
        ("0 0 L-3 * ?", ["2026-11-27T00:00:00Z", "2026-12-28T00:00:00Z"]),
        // The 15th: Tuesday in December, Friday in January, Monday in February and March; 15 May 2027 is a Saturday.
        ("0 0 15W 12,5 ?", ["2026-12-15T00:00:00Z", "2027-05-14T00:00:00Z"]),
        // The first of August 2027 is a Sunday, of May 2027 a Saturday: never into another month.
        ("0 0 1W 5,8 ?", ["2027-05-03T00:00:00Z", "2027-08-02T00:00:00Z"]),
        ("0 0 LW * ?", ["2026-11-30T00:00:00Z", "2026-12-31T00:00:00Z", "2027-01-29T00:00:00Z"]),
        ("0 0 ? * FRIL", ["2026-11-27T00:00:00Z", "2026-12-25T00:00:00Z"]),
        ("0 0 ? * 1#2", ["2026-12-14T00:00:00Z", "2027-01-11T00:00:00Z"]),
        ("0 0 ? * MON#5", ["2026-11-30T00:00:00Z", "2027-03-29T00:00:00Z"]),
        ("0 0 29 2 *", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
        // Both fields of days restricted: either counts. One beginning with '*': both must hold.
        (
            "0 0 13 * FRI",
            ["2026-11-27T00:00:00Z", "2026-12-04T00:00:00Z", "2026-12-11T00:00:00Z", "2026-12-13T00:00:00Z"]
        ),
        ("0 0 */2 * FRI", ["2026-11-27T00:00:00Z", "2026-12-11T00:00:00Z"]),
        ("@daily", ["2026-11-24T00:00:00Z"]), ("@hourly", ["2026-11-23T17:00:00Z"]),
        ("@weekly", ["2026-11-29T00:00:00Z"]), ("@monthly", ["2026-12-01T00:00:00Z"]),
        ("@yearly", ["2027-01-01T00:00:00Z"]),
    ]

    @Test(arguments: firings)
    func `an expression fires when its author means it to`(text: String, times: [String]) throws {
        let schedule = Schedule.cron(try CronExpression(text), in: .utc)
        var moment = try #require(Timestamp("2026-11-23T16:00:00Z"))
        for time in times {
            moment = try #require(schedule.nextFiring(after: moment))
            #expect(moment.description == time)
        }
    }

    @Test func `a fifth Monday of February is waited for over decades`() throws {
        let schedule = Schedule.cron(try CronExpression("0 0 ? 2 MON#5"), in: .utc)
        let times = schedule.firings(
            from: try #require(Timestamp("2000-01-01T00:00:00Z")),
            to: try #require(Timestamp("2140-01-01T00:00:00Z")),
            limit: 10
        )
        #expect(times.map { $0.description.prefix(4) } == ["2016", "2044", "2072", "2112"])
    }
}
