import Schedules
import TestSupport
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2026-12-01T06:00:00Z", 1_796_104_800),
        ("2026-12-01T07:00:00+01:00", 1_796_104_800),
        ("2026-12-01 00:30:00.999-05:30", 1_796_104_800), ("2000-02-29T12:00:00z", 951_825_600),
        ("1969-12-31T23:59:59Z", -1), ("0001-01-01T00:00:00Z", -62_135_596_800),
    ])
    func `a time of RFC 3339 is read`(text: String, seconds: Int) {
        #expect(Timestamp(text)?.seconds == seconds)
    }

    @Test(arguments: [
        "", "2026-12-01", "2026-12-01T06:00:00", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-12-01T24:00:00Z", "2026-12-01T06:60:00Z", "2026-12-01T06:00:00.Z", "2026-12-01T06:00:00+1:00",
        "2026-12-01T06:00:00Zx", "2026-12-01T06:00:00+25:00", "20261201T060000Z", "２026-12-01T06:00:00Z",
    ])
    func `what is none is refused`(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test func `reading what was written gives the same moment`() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<10_000 {
            let moment = Timestamp(seconds: Int.random(in: -62_000_000_000..<200_000_000_000, using: &random))
            #expect(Timestamp(moment.description) == moment)
        }
    }

    @Test func `time zones are those of the IANA database`() {
        #expect(Zone("Europe/Paris") != nil)
        #expect(Zone("America/Argentina/Ushuaia") != nil)
        #expect(Zone("UTC") == .utc)
        for text in ["", "Paris", "CET", "GMT+5", "Mars/Phobos", "Europe/paris/", "../etc/passwd"] {
            #expect(Zone(text) == nil, "\(text)")
        }
    }
}
