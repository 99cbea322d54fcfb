/// The schedules of one job, by each of which it fires.
///
/// Where several have the same second it fires once, for a firing is known by its job and its time.
package struct Timetable: Sendable, Hashable {
    /// None where a job fires by hand only, or as a part of others.
    package let schedules: [Schedule]

    /// How many schedules one job has at most.
    package static let largest = 16

    package init(_ schedules: [Schedule]) {
        self.schedules = schedules
    }

    package init(_ schedule: Schedule) {
        self.init([schedule])
    }

    /// The first moment after that one at which one of the schedules fires; nil when none ever does again.
    package func nextFiring(after moment: Timestamp) -> Timestamp? {
        schedules.lazy.compactMap { $0.nextFiring(after: moment) }.min()
    }

    /// Whether a job that is new fires at once: an interval begins with its first firing.
    package var firesAtOnce: Bool {
        schedules.contains { if case .every = $0 { true } else { false } }
    }
}

extension Timetable: CustomStringConvertible {
    /// As it is kept, to tell whether it has changed: `every 600 s`, or `every 600 s; at 2026-12-01T06:00:00Z`.
    package var description: String {
        schedules.isEmpty ? "none" : schedules.map(\.description).joined(separator: "; ")
    }

    /// As operators read it: `every 10m`, or `every 10m; at 2026-12-01T06:00:00Z`.
    package var shortText: String {
        schedules.isEmpty ? "none" : schedules.map(\.shortText).joined(separator: "; ")
    }
}
