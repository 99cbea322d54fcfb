import Schedules
import TestSupport
import Testing

@testable import Scheduler

/// Which firings start a run, at times that the tests name, over a real PostgreSQL.
@Suite(.database) struct FiringDecisionTests {
    @Test func `an interval fires when its job is new, and then at its own moments`() async throws {
        let schedulers = try await TestSchedulers()
        let job = try TestSchedulers.job("schedule: {every: 1m}\noverlap: allow")
        let first = try await schedulers.look(job, at: 1_000)
        #expect(first.runs.count == 1)
        #expect(first.next == Timestamp(seconds: 1_020))
        #expect(try await schedulers.look(job, at: 1_019).runs.isEmpty)
        #expect(try await schedulers.look(job, at: 1_020).runs.count == 1)
        #expect(try await schedulers.look(job, at: 1_020).runs.isEmpty)
        #expect(try await schedulers.look(job, at: 1_081).next == Timestamp(seconds: 1_140))
        #expect(try await schedulers.firings() == [1_000, 1_020, 1_080])
        await schedulers.close()
    }

    @Test(arguments: [
        "{cron: '* * * * *'}", "{at: '1970-01-01T00:16:00Z'}",
    ])
    func `what a schedule would have fired before its job existed is not missed`(schedule: String) async throws {
        let schedulers = try await TestSchedulers()
        let job = try TestSchedulers.job("schedule: \(schedule)\nmissed: all")
        #expect(try await schedulers.look(job, at: 1_000).runs.isEmpty)
        #expect(try await schedulers.firings().isEmpty)
        await schedulers.close()
    }

    @Test func `a moment fires once and never again`() async throws {
        let schedulers = try await TestSchedulers()
        let job = try TestSchedulers.job("schedule: {at: '1970-01-01T00:20:00Z'}")
        #expect(try await schedulers.look(job, at: 1_000).next == Timestamp(seconds: 1_200))
        let fired = try await schedulers.look(job, at: 1_201)
        #expect(fired.runs.count == 1 && fired.next == nil)
        #expect(try await schedulers.look(job, at: 5_000).runs.isEmpty)
        #expect(try await schedulers.firings() == [1_200])
        await schedulers.close()
    }

    @Test func `a job fires by each of its schedules, once where two have the same second`() async throws {
        let schedulers = try await TestSchedulers()
        let job = try TestSchedulers.job(
            "schedule: [{every: 1m}, {every: 90s}, {at: '1970-01-01T00:17:00Z'}]\nmissed: all\noverlap: allow"
        )
        try await schedulers.look(job, at: 900)
        let last = try await schedulers.look(job, at: 1_085)
        #expect(try await schedulers.firings() == [900, 960, 990, 1_020, 1_080])
        #expect(last.next == Timestamp(seconds: 1_140))
        await schedulers.close()
    }

    @Test func `any number of schedulers decide each firing once, whatever their clocks say`() async throws {
        var generator = SeededGenerator.announced()
        let schedulers = try await TestSchedulers(4)
        let job = try TestSchedulers.job("schedule: {every: 7s}\nmissed: all\noverlap: allow")
        // All of them find the job new at once.
        try await withThrowingTaskGroup(of: Int.self) { group in
            for scheduler in 0..<4 {
                group.addTask { try await schedulers.look(job, at: 995 + scheduler, scheduler: scheduler).runs.count }
            }
            let made = try await group.reduce(0, +)
            #expect(made == 1)
        }
        // Then each looks now and then, some with clocks that are fast or slow, one of them away for a while.
        let looks = (0..<4).map { scheduler in
            (0..<25).map { look in
                (scheduler == 3 && look > 10 ? 1_400 : 1_000) + look * 8 + Int.random(in: -5...5, using: &generator)
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (scheduler, seconds) in looks.enumerated() {
                group.addTask {
                    for second in seconds { try await schedulers.look(job, at: second, scheduler: scheduler) }
                }
            }
            try await group.waitForAll()
        }
        let end = 1_700
        try await schedulers.look(job, at: end)
        let firings = try await schedulers.firings()
        let due = (firings[0] + 1...end).filter { $0 % 7 == 0 }
        #expect(Array(firings.dropFirst()) == due)
        #expect(try await schedulers.runs() == firings.count)
        await schedulers.close()
    }

    @Test(
        arguments: [
            ("skip", [Int](), [1_600: 5]), ("once", [1_600], [1_500: 4]),
            ("all", [1_200, 1_300, 1_400, 1_500, 1_600], [:]),
        ] as [(String, [Int], [Int: Int])]
    )
    func `after a pause of all schedulers the policy says what is made up for, and the history what is not`(
        policy: String,
        expected: [Int],
        missed: [Int: Int]
    ) async throws {
        let before = try await TestSchedulers()
        let job = try TestSchedulers.job("schedule: {every: 100s}\nmissed: \(policy)\noverlap: allow")
        try await before.look(job, at: 1_050)
        try await before.look(job, at: 1_100)
        await before.close()
        let after = try await TestSchedulers()
        // Later than a firing may be and still count as on time.
        let decision = try await after.look(job, at: 1_690)
        #expect(decision.runs.count == expected.count)
        #expect(decision.next == Timestamp(seconds: 1_700))
        #expect(try await after.firings() == [1_050, 1_100] + expected)
        #expect(try await after.look(job, at: 1_691).runs.isEmpty)
        // Once, and in one row.
        #expect(try await after.missed() == missed)
        await after.close()
    }

    @Test func `a clock that is put back fires nothing again`() async throws {
        let schedulers = try await TestSchedulers()
        let job = try TestSchedulers.job("schedule: {every: 1m}\nmissed: all\noverlap: allow")
        for second in [600, 660, 720] { try await schedulers.look(job, at: second) }
        for second in [610, 660, 719, 720] { #expect(try await schedulers.look(job, at: second).runs.isEmpty) }
        #expect(try await schedulers.look(job, at: 780).runs.count == 1)
        #expect(try await schedulers.firings() == [600, 660, 720, 780])
        await schedulers.close()
    }

    @Test func `a clock that was ahead by days keeps no job waiting for them, and nothing fires twice`() async throws {
        let schedulers = try await TestSchedulers()
        let job = try TestSchedulers.job("schedule: {every: 1h}\nmissed: skip\noverlap: allow")
        try await schedulers.look(job, at: 3_600)
        // A day ahead, for one look.
        #expect(try await schedulers.look(job, at: 90_000).runs.count == 1)
        #expect(try await schedulers.look(job, at: 7_000).next == Timestamp(seconds: 7_200))
        for second in stride(from: 7_200, through: 93_600, by: 3_600) { try await schedulers.look(job, at: second) }
        #expect(try await schedulers.firings() == Array(stride(from: 3_600, through: 93_600, by: 3_600)))
        await schedulers.close()
    }

    @Test func `a firing that is left out has its row`() async throws {
        let schedulers = try await TestSchedulers()
        let job = try TestSchedulers.job("schedule: {every: 1m}\noverlap: skip")
        try await schedulers.look(job, at: 600)
        try await schedulers.look(job, at: 660)
        #expect(try await schedulers.firings() == [600])
        #expect(try await schedulers.leftOut() == [660])
        await schedulers.close()
    }
}
