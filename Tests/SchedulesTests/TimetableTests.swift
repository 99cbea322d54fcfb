import Schedules
import TestSupport
import Testing

/// Several schedules of one job.
@Suite struct TimetableTests {
    @Test(arguments: 0..<50 as Range<UInt64>)
    func `fires whenever one of its schedules does, once a second`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let schedules = (0..<Int.random(in: 0...4, using: &random)).map { _ -> Schedule in
            if Bool.random(using: &random) { return .every(seconds: Int.random(in: 1...60, using: &random)) }
            return .at(Timestamp(seconds: Int.random(in: 0...400, using: &random)))
        }
        let timetable = Timetable(schedules)
        let expected = (1...300).map(Timestamp.init(seconds:)).filter { second in
            schedules.contains { $0.nextFiring(after: second + -1) == second }
        }
        var fired: [Timestamp] = []
        var last = Timestamp(seconds: 0)
        while let next = timetable.nextFiring(after: last), next.seconds <= 300 {
            fired.append(next)
            last = next
        }
        #expect(fired == expected)
    }

    @Test func `tells all of its schedules`() {
        #expect(Timetable([]).description == "none")
        let two = Timetable([.every(seconds: 60), .at(Timestamp(seconds: 0))])
        #expect(two.description == "every 60 s; at 1970-01-01T00:00:00Z")
        #expect(two.shortText == "every 1m; at 1970-01-01T00:00:00Z" && Timetable([]).shortText == "none")
        let texts = [86_400, 5_400, 7_200, 45].map { Schedule.every(seconds: $0).shortText }
        #expect(texts == ["every 1d", "every 90m", "every 2h", "every 45s"])
        #expect(two.firesAtOnce && !Timetable(.at(Timestamp(seconds: 0))).firesAtOnce)
    }
}
