import Schedules
import Testing

@Suite struct DaylightSavingTests {
    private func firings(_ text: String, _ zone: String, from: String, to: String) throws -> [String] {
        let schedule = Schedule.cron(try CronExpression(text), in: try #require(Zone(zone)))
        let start = try #require(Timestamp(from))
        return schedule.firings(from: start, to: try #require(Timestamp(to)), limit: 200).map(\.description)
    }

    // Europe/Paris: 2026-03-29 clocks go from 02:00 to 03:00 at 01:00Z; 2026-10-25 from 03:00 to 02:00 at 01:00Z.
    private let springDay = ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")
    private let autumnDay = ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")

    @Test func `a time of day that is skipped is made up for at the first moment after the gap`() throws {
        let times = try firings("30 2 * * *", "Europe/Paris", from: springDay.0, to: springDay.1)
        #expect(times == ["2026-03-29T01:00:00Z"])
    }

    @Test func `many that are skipped are made up for once`() throws {
        let times = try firings("*/10 2,3 * * *", "Europe/Paris", from: springDay.0, to: "2026-03-29T01:15:00Z")
        #expect(times == ["2026-03-29T01:00:00Z", "2026-03-29T01:10:00Z"])
    }

    @Test func `a time of day that is shown twice fires the first time`() throws {
        let times = try firings("30 2 * * *", "Europe/Paris", from: autumnDay.0, to: autumnDay.1)
        #expect(times == ["2026-10-25T00:30:00Z"])
    }

    @Test func `an interval goes on through a repeated hour and makes up for nothing after a gap`() throws {
        let autumn = try firings("30 * * * *", "Europe/Paris", from: "2026-10-24T23:00:00Z", to: "2026-10-25T03:00:00Z")
        #expect(
            autumn == ["2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"]
        )
        let spring = try firings("30 * * * *", "Europe/Paris", from: "2026-03-29T00:00:00Z", to: "2026-03-29T03:00:00Z")
        #expect(spring == ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"])
    }

    @Test func `a day that a country skipped is made up for when the next begins`() throws {
        // Samoa had no 30 December 2011.
        let times = try firings(
            "0 12 30 12 *",
            "Pacific/Apia",
            from: "2011-12-29T00:00:00Z",
            to: "2012-01-10T00:00:00Z"
        )
        #expect(times == ["2011-12-30T10:00:00Z"])
    }

    @Test func `half an hour's shift is one too`() throws {
        // Lord Howe: 2026-10-04 clocks go from 02:00 to 02:30 at 15:30Z of the 3rd.
        let times = try firings(
            "15 2 * * *",
            "Australia/Lord_Howe",
            from: "2026-10-03T12:00:00Z",
            to: "2026-10-04T12:00:00Z"
        )
        #expect(times == ["2026-10-03T15:30:00Z"])
    }
}
