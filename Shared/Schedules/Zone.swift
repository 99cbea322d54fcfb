import Foundation

/// A time zone of the IANA database.
package struct Zone: Sendable, Hashable {
    /// The name, like `Europe/Paris`.
    package let identifier: String
    private let zone: TimeZone

    /// Coordinated universal time.
    package static let utc = Zone(identifier: "UTC", zone: .gmt)

    /// The zone of that name, or nil when there is none.
    ///
    /// Abbreviations and bare offsets are no names.
    package init?(_ identifier: String) {
        if identifier == "UTC" || identifier == "Etc/UTC" {
            self = Zone(identifier: identifier, zone: .gmt)
            return
        }
        guard identifier.utf8.count <= 64, identifier.contains("/"), let zone = TimeZone(identifier: identifier) else {
            return nil
        }
        self.init(identifier: identifier, zone: zone)
    }

    private init(identifier: String, zone: TimeZone) {
        self.identifier = identifier
        self.zone = zone
    }

    /// The names of the zones that there are.
    package static var knownIdentifiers: [String] { TimeZone.knownTimeZoneIdentifiers }

    package static func == (lhs: Zone, rhs: Zone) -> Bool { lhs.identifier == rhs.identifier }

    package func hash(into hasher: inout Hasher) { hasher.combine(identifier) }

    /// How many seconds the zone's clocks are ahead of UTC at that moment.
    func offset(at moment: Timestamp) -> Int {
        zone.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(moment.seconds)))
    }

    /// What the zone's clocks show at that moment.
    func wallTime(at moment: Timestamp) -> CivilTime {
        CivilTime(secondsFromEpoch: moment.seconds + offset(at: moment))
    }

    /// The first moment at which the zone's clocks show that time; when they skip it, the first one after the gap.
    func firstMoment(showing time: CivilTime) -> Timestamp {
        let shown = time.secondsFromEpoch
        // Offsets lie between -12 and +14 hours, so the moment is in this window, which holds one change at most.
        let early = Timestamp(seconds: shown - 15 * 3_600)
        let late = Timestamp(seconds: shown + 13 * 3_600)
        let (before, after) = (offset(at: early), offset(at: late))
        if before == after { return Timestamp(seconds: shown - after) }
        let change = firstChange(after: early, through: late)
        let byOld = Timestamp(seconds: shown - before)
        if byOld < change { return byOld }
        let byNew = Timestamp(seconds: shown - after)
        return max(byNew, change)
    }

    /// The first moment in the span, whose ends have different offsets, at which the offset is another.
    func firstChange(after start: Timestamp, through end: Timestamp) -> Timestamp {
        let old = offset(at: start)
        var (low, high) = (start.seconds, end.seconds)
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if offset(at: Timestamp(seconds: middle)) == old { low = middle } else { high = middle }
        }
        return Timestamp(seconds: high)
    }
}
