import Schedules
import TestSupport
import Testing

@Suite struct PlannerTests {
    private func time(_ seconds: Int) -> Timestamp { Timestamp(seconds: seconds) }

    private func plan(
        _ missed: MissedFirings,
        every seconds: Int,
        decided: Int,
        now: Int,
        limit: Int = 5
    ) -> SchedulePlanner.Plan {
        SchedulePlanner(timetable: Timetable(.every(seconds: seconds)), missed: missed, grace: 10, limit: limit)
            .plan(decidedUntil: time(decided), now: time(now))
    }

    @Test func `a firing that is on time fires, whatever the policy`() {
        for policy in MissedFirings.allCases {
            let plan = plan(policy, every: 60, decided: 100, now: 125)
            #expect(plan.firings == [time(120)])
            #expect(plan.skipped == 0 && plan.lastSkipped == nil)
            #expect(plan.decidedUntil == time(125))
            #expect(plan.next == time(180))
        }
    }

    @Test(arguments: [
        (MissedFirings.skip, [Int](), 10, 600), (.once, [600], 9, 540), (.all, [360, 420, 480, 540, 600], 5, 300),
    ])
    func `missed firings are left out, made up for once, or all up to the limit`(
        policy: MissedFirings,
        expected: [Int],
        skipped: Int,
        last: Int
    ) {
        let plan = plan(policy, every: 60, decided: 0, now: 630)
        #expect(plan.firings.map(\.seconds) == expected)
        #expect(plan.skipped == skipped)
        #expect(plan.lastSkipped == time(last))
    }

    @Test func `a firing that is on time makes up for those before it`() {
        let once = plan(.once, every: 60, decided: 0, now: 605)
        #expect(once.firings == [time(600)] && once.lastSkipped == time(540))
        #expect(plan(.all, every: 60, decided: 400, now: 605).firings.map(\.seconds) == [420, 480, 540, 600])
    }

    @Test func `a clock that is put back fires nothing again`() {
        let plan = plan(.all, every: 60, decided: 600, now: 300)
        #expect(plan.firings == [])
        #expect(plan.decidedUntil == time(600))
        #expect(plan.next == time(660))
    }

    @Test func `years of absence are decided at once`() {
        let plan = plan(.all, every: 1, decided: 0, now: 1_800_000_000)
        #expect(plan.firings.map(\.seconds) == Array(1_799_999_996...1_800_000_000))
    }

    @Test(arguments: [(MissedFirings.skip, [600]), (.once, [600]), (.all, [580, 585, 590, 595, 600])])
    func `what comes more often than there is grace is missed when the next has come`(
        policy: MissedFirings,
        expected: [Int]
    ) {
        for now in 600...604 {
            let plan = SchedulePlanner(timetable: Timetable(.every(seconds: 5)), missed: policy, limit: 5)
                .plan(decidedUntil: time(540), now: time(now))
            #expect(plan.firings.map(\.seconds) == expected)
            #expect(plan.skipped == 12 - expected.count)
        }
    }

    @Test func `a schedule that is over has no next firing`() {
        let planner = SchedulePlanner(timetable: Timetable(.at(time(500))), missed: .once)
        #expect(planner.plan(decidedUntil: time(0), now: time(400)).next == time(500))
        let plan = planner.plan(decidedUntil: time(400), now: time(10_000))
        #expect(plan.firings == [time(500)])
        #expect(plan.next == nil)
    }

    @Test func `plans that follow one another record each firing once, whoever makes them`() {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<200 {
            let period = Int.random(in: 1...100, using: &random)
            let timetable = Timetable(.every(seconds: period))
            let planner = SchedulePlanner(timetable: timetable, missed: .all, grace: 10, limit: .max)
            var decided = time(Int.random(in: 0..<1_000, using: &random))
            let start = decided
            var firings: [Timestamp] = []
            for _ in 0..<30 {
                // Now and then the clock of another scheduler is behind.
                let plan = planner.plan(decidedUntil: decided, now: decided + Int.random(in: -50...200, using: &random))
                firings += plan.firings
                decided = plan.decidedUntil
            }
            let expected = (start.seconds + 1..<decided.seconds + 1).filter { $0 % period == 0 }
            #expect(firings.map(\.seconds) == expected)
        }
    }

    @Test func `overlapping firings are left out, wait or run`() {
        #expect(Overlap.allow.decision(running: 5, waiting: 5) == .start)
        #expect(Overlap.skip.decision(running: 0, waiting: 0) == .start)
        #expect(Overlap.skip.decision(running: 1, waiting: 0) == .leaveOut)
        #expect(Overlap.queue.decision(running: 0, waiting: 0) == .start)
        #expect(Overlap.queue.decision(running: 1, waiting: 0) == .wait)
        #expect(Overlap.queue.decision(running: 0, waiting: 1) == .wait)
        #expect(Overlap.queue.decision(running: 1, waiting: 3, queueLimit: 3) == .leaveOut)
    }
}

@Suite struct ScheduleTests {
    @Test func `every counts from its anchor, before it too`() {
        let schedule = Schedule.every(seconds: 60, anchor: Timestamp(seconds: 10))
        for (after, next) in [(-51, -50), (-50, 10), (9, 10), (10, 70), (69, 70)] {
            #expect(schedule.nextFiring(after: Timestamp(seconds: after)) == Timestamp(seconds: next))
        }
    }

    @Test func `firings are those from the start up to the end, the first ones of the limit`() {
        let schedule = Schedule.every(seconds: 10)
        let moments = schedule.firings(from: Timestamp(seconds: 10), to: Timestamp(seconds: 40), limit: 10)
        #expect(moments.map(\.seconds) == [10, 20, 30])
        #expect(schedule.firings(from: Timestamp(seconds: 10), to: Timestamp(seconds: 40), limit: 2).count == 2)
    }
}
