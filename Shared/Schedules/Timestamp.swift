/// A moment, in whole seconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// Schedules work in seconds; the clock that says the present moment is the caller's.
package struct Timestamp: Sendable, Hashable, Comparable {
    package let seconds: Int

    package init(seconds: Int) {
        self.seconds = seconds
    }

    package static func < (lhs: Timestamp, rhs: Timestamp) -> Bool { lhs.seconds < rhs.seconds }

    /// The moment that many seconds later.
    package static func + (moment: Timestamp, seconds: Int) -> Timestamp {
        Timestamp(seconds: moment.seconds + seconds)
    }

    /// The seconds between two moments.
    package static func - (lhs: Timestamp, rhs: Timestamp) -> Int { lhs.seconds - rhs.seconds }
}

extension Timestamp: CustomStringConvertible {
    /// The moment as RFC 3339 writes it, in UTC: `2026-12-01T06:00:00Z`.
    package var description: String { CivilTime(secondsFromEpoch: seconds).description + "Z" }

    /// The moment that a text of RFC 3339 says: `2026-12-01T06:00:00Z`, `2026-12-01T07:00:00+01:00`.
    ///
    /// Nil when the text is none, names an impossible date, or has no offset; a fraction of a second is cut off.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.count <= 40 else { return nil }
        func number(_ range: Range<Int>) -> Int? {
            guard range.upperBound <= bytes.count, bytes[range].allSatisfy({ (0x30...0x39).contains($0) }) else {
                return nil
            }
            return bytes[range].reduce(0) { $0 * 10 + Int($1) - 0x30 }
        }
        func has(_ character: Unicode.Scalar, at index: Int) -> Bool {
            index < bytes.count && bytes[index] == UInt8(ascii: character)
        }
        guard has("-", at: 4), has("-", at: 7), has("T", at: 10) || has("t", at: 10) || has(" ", at: 10),
            has(":", at: 13), has(":", at: 16),
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            let date = CivilDate(year: year, month: month, day: day), hour < 24, minute < 60, second < 60
        else { return nil }
        var index = 19
        if has(".", at: index) {
            index += 1
            let start = index
            while index < bytes.count, (0x30...0x39).contains(bytes[index]) { index += 1 }
            guard index > start else { return nil }
        }
        var offset = 0
        if has("Z", at: index) || has("z", at: index) {
            index += 1
        } else {
            guard has("+", at: index) || has("-", at: index), has(":", at: index + 3),
                let hours = number(index + 1..<index + 3), let minutes = number(index + 4..<index + 6),
                hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 3_600 + minutes * 60) * (has("-", at: index) ? -1 : 1)
            index += 6
        }
        guard index == bytes.count else { return nil }
        let time = CivilTime(date: date, hour: hour, minute: minute, second: second)
        self.init(seconds: time.secondsFromEpoch - offset)
    }
}
