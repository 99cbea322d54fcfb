import Contracts
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import ControlStore

/// The clock that services have in common.
@Suite(.database) struct DatabaseClockTests {
    private let start = ContinuousClock.now

    /// A reading that was asked for and answered so many milliseconds after the start.
    private func reading(_ seconds: Double, _ asked: Int, _ answered: Int) -> ClockReading {
        ClockReading(time: seconds, asked: start + .milliseconds(asked), answered: start + .milliseconds(answered))
    }

    @Test func `a reading goes on from the middle of its question and its answer`() {
        let reading = reading(1_000, 0, 200)
        #expect(reading.milliseconds(at: start + .milliseconds(100)) == 1_000_000)
        #expect(reading.milliseconds(at: start + .milliseconds(5_100)) == 1_005_000)
        #expect(reading.milliseconds(at: start) == 999_900)
    }

    @Test(
        arguments: [
            // More exact; less exact; less exact, but the old one is old.
            (1_010.0, 10_000, 10_001, true), (1_010.0, 10_000, 10_500, false), (1_400.0, 400_000, 400_500, true),
            // The clock was set, forwards and back, by more than both could be wrong.
            (1_011.2, 10_000, 10_500, true), (1_008.5, 10_000, 10_500, true),
        ] as [(Double, Int, Int, Bool)]
    )
    func `the more exact reading counts, unless it is wrong by now`(
        seconds: Double,
        asked: Int,
        answered: Int,
        isNew: Bool
    ) {
        let old = reading(1_000, 0, 200)
        #expect((old.better(reading(seconds, asked, answered)).time == seconds) == isNew)
    }

    @Test func `the clock is PostgreSQL's, and each question brings it back into step`() async throws {
        let store = try await TestControl.make()
        let before = try await store.control.now()
        let clock = try await DatabaseClock(store.control)
        let (asked, now) = (ContinuousClock.now, clock.now)
        let after = try await store.control.now()
        // It is wrong by half of what a question took at most, which is less than all that was asked here; and it
        // counts whole milliseconds.
        let error = 1 + (ContinuousClock.now - asked) / .milliseconds(1) + after.timeIntervalSince(before) * 1_000
        #expect(Double(now) >= before.timeIntervalSince1970 * 1_000 - error)
        #expect(Double(now) <= after.timeIntervalSince1970 * 1_000 + error)
        await store.close()
    }

    @Test func `two services agree on a deadline though their own clocks do not, until PostgreSQL's is set`()
        async throws
    {
        let ahead = Mutex(TimeInterval(0))
        func clock() async throws -> DatabaseClock {
            try await DatabaseClock { Date(timeIntervalSinceNow: ahead.withLock(\.self)) }
        }
        let (caller, worker) = (try await clock(), try await clock())
        let deadline = caller.deadline(in: .seconds(1_000))
        let anHourOff = CallDeadline(byDatabase: deadline.byDatabase, byCaller: deadline.byCaller - 3_600_000)
        #expect(worker.timeLeft(to: anHourOff).map { $0 > .seconds(500) && $0 < .seconds(1_500) } == true)
        // One that does not know PostgreSQL's is believed.
        #expect(worker.timeLeft(to: CallDeadline(byCaller: anHourOff.byCaller)) == nil)
        #expect(worker.timeLeft(to: CallDeadline()) != nil)
        ahead.withLock { $0 = 7_200 }
        try await worker.look()
        #expect(worker.timeLeft(to: deadline) == nil)
    }
}
