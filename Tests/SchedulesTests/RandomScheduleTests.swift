import Foundation
import Schedules
import TestSupport
import Testing

/// Cron against a model that looks at every second.
@Suite struct RandomScheduleTests {
    private static let zones = [
        "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu",
        "Pacific/Chatham",
        "America/Sao_Paulo", "Pacific/Apia", "Africa/Casablanca", "Asia/Tehran", "America/Havana", "UTC",
    ]

    @Test(arguments: [UInt64](1...6))
    func `firings are those of the model, around changes of the clocks too`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for number in 0..<15 {
            let name = try #require(Self.zones.randomElement(using: &random))
            let text = randomExpression(&random)
            let comment = Comment(rawValue: "seed \(seed), case \(number): '\(text)' in \(name)")
            guard let expression = try? CronExpression(text) else { continue }
            let zone = try #require(Zone(name))
            let start = try randomStart(near: name, &random)
            let length = 8 * 3_600
            let expected = try model(text, name, from: start, length: length)
            let found = Schedule.cron(expression, in: zone)
                .firings(from: Timestamp(seconds: start), to: Timestamp(seconds: start + length), limit: .max)
            #expect(found.map(\.seconds) == expected, comment)
        }
    }

    /// A moment up to a day before a change of the zone's clocks, or any.
    private func randomStart(near name: String, _ random: inout SeededGenerator) throws -> Int {
        let any = Int.random(in: 1_000_000_000..<1_900_000_000, using: &random)
        guard Int.random(in: 0..<5, using: &random) > 0 else { return any }
        let zone = try #require(TimeZone(identifier: name))
        // The first change after any moment, found day by day.
        var day = any
        while day < any + 400 * 86_400, offset(zone, day) == offset(zone, day + 86_400) { day += 86_400 }
        var hour = day
        while hour < day + 86_400, offset(zone, hour) == offset(zone, hour + 3_600) { hour += 3_600 }
        return hour - Int.random(in: 0..<14_400, using: &random)
    }

    private func offset(_ zone: TimeZone, _ seconds: Int) -> Int {
        zone.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(seconds)))
    }

    private func randomExpression(_ random: inout SeededGenerator) -> String {
        func field(_ range: ClosedRange<Int>, _ random: inout SeededGenerator) -> String {
            func value(_ random: inout SeededGenerator) -> Int { Int.random(in: range, using: &random) }
            switch Int.random(in: 0..<6, using: &random) {
            case 0: return "*"
            case 1: return "*/\(Int.random(in: 1...7, using: &random))"
            case 2: return "\(value(&random))-\(value(&random))"
            case 3: return "\(value(&random)),\(value(&random)),\(value(&random))"
            case 4: return "\(value(&random))/\(Int.random(in: 1...9, using: &random))"
            default: return "\(value(&random))"
            }
        }
        let second = Int.random(in: 0..<4, using: &random) == 0 ? field(0...59, &random) : "0"
        let hour = Bool.random(using: &random) ? "*" : field(0...4, &random)
        let day = Int.random(in: 0..<3, using: &random) > 0 ? "*" : field(1...31, &random)
        let weekday = Int.random(in: 0..<3, using: &random) > 0 ? "*" : field(0...7, &random)
        return "\(second) \(field(0...59, &random)) \(hour) \(day) * \(weekday)"
    }

    /// The rule, second by second: an interval fires whenever the clock shows a named time; a time of day when the
    /// clock shows it for the first time, and at the end of a gap that holds one.
    private func model(_ text: String, _ name: String, from start: Int, length: Int) throws -> [Int] {
        let fields = text.split(separator: " ").map(String.init)
        let zone = try #require(TimeZone(identifier: name))
        let ranges = [0...59, 0...59, 0...23, 1...31, 1...12, 0...6]
        let sets = zip(fields, ranges).map { values($0, $1) }
        let needsBoth = fields[3].hasPrefix("*") || fields[5].hasPrefix("*")
        let isInterval = sets[2].count == 24
        func matches(_ shown: Int) -> Bool {
            var time = tm()
            var seconds = time_t(shown)
            gmtime_r(&seconds, &time)
            let byDay = sets[3].contains(Int(time.tm_mday))
            let byWeek = sets[5].contains(Int(time.tm_wday))
            return sets[0].contains(Int(time.tm_sec)) && sets[1].contains(Int(time.tm_min))
                && sets[2].contains(Int(time.tm_hour)) && (needsBoth ? byDay && byWeek : byDay || byWeek)
        }
        var result: [Int] = []
        // What the clock showed before: a repeated time lies within the last day and a bit.
        var latest = stride(from: start - 1, to: start - 30 * 3_600, by: -60).map { $0 + offset(zone, $0) }.max() ?? 0
        var before = offset(zone, start - 1)
        var now = before
        for moment in start..<start + length {
            before = now
            // Clocks change at whole minutes.
            if moment % 60 == 0 || moment == start { now = offset(zone, moment) }
            let shown = moment + now
            let skipped = moment + before
            if isInterval {
                if matches(shown) { result.append(moment) }
            } else if shown > latest,
                matches(shown) || (skipped < shown && (max(skipped, latest + 1)..<shown).contains(where: matches))
            {
                result.append(moment)
            }
            latest = max(latest, shown)
        }
        return result
    }

    private func values(_ field: String, _ range: ClosedRange<Int>) -> Set<Int> {
        let width = range.count
        var result: Set<Int> = []
        for part in field.split(separator: ",") {
            let pieces = part.split(separator: "/").map(String.init)
            let ends = pieces[0].split(separator: "-").compactMap { Int($0) }
            let step = pieces.count == 2 ? Int(pieces[1]) ?? 1 : 1
            var first = ends.first ?? range.lowerBound
            var last = ends.count == 2 ? ends[1] : pieces.count == 2 || ends.isEmpty ? range.upperBound : first
            if range == 0...6, first == 7 {
                first = 0
                if ends.count == 1, pieces.count == 1 { last = 0 }
            }
            if last < first { last += width }
            for value in stride(from: first, through: last, by: step) {
                result.insert(value > range.upperBound ? value - width : value)
            }
        }
        return result
    }
}
