import JSON
import TestSupport
import Testing

@testable import Scheduler

/// What becomes of a firing while a run of an earlier one is not done.
@Suite(.database) struct OverlapTests {
    @Test func `a job that skips has one unfinished run, and what was left out stays so`() async throws {
        let schedulers = try await TestSchedulers()
        let job = try TestSchedulers.job("schedule: {every: 1m}\nmissed: all\noverlap: skip")
        try await schedulers.look(job, at: 600)
        #expect(try await schedulers.look(job, at: 660).runs.isEmpty)
        try await schedulers.finishRuns()
        #expect(try await schedulers.look(job, at: 661).runs.isEmpty)
        // Of those that were missed one starts; the others would run beside it.
        #expect(try await schedulers.look(job, at: 900).runs.count == 1)
        #expect(try await schedulers.firings() == [600, 720])
        await schedulers.close()
    }

    @Test func `a job that skips does not run twice when it is fired by hand as it is due`() async throws {
        let schedulers = try await TestSchedulers(2)
        let job = try TestSchedulers.job("schedule: {every: 1m}\noverlap: skip")
        for round in 0..<20 {
            let before = try await schedulers.runs()
            async let due = schedulers.look(job, at: 600 + round * 60, scheduler: 1).runs.count
            async let byHand = schedulers.fireNow(job)
            _ = try await (due, byHand)
            #expect(try await schedulers.runs() == before + 1)
            try await schedulers.finishRuns()
        }
        await schedulers.close()
    }

    @Test func `the runs of a job that queues wait for each other, as many as may wait`() async throws {
        let schedulers = try await TestSchedulers()
        let job = try TestSchedulers.job("schedule: {every: 10s}\nmissed: all\noverlap: queue")
        try await schedulers.look(job, at: 1_000)
        for second in stride(from: 1_050, through: 3_000, by: 50) { try await schedulers.look(job, at: second) }
        #expect(try await schedulers.runs() == 101)
        let keys = try await schedulers.orderingKeys()
        #expect(keys.count == 101 && Set(keys) == ["job/shop/j"])
        try await schedulers.finishRuns()
        #expect(try await schedulers.look(job, at: 3_010).runs.count == 1)
        await schedulers.close()
    }

    @Test func `the runs of a job that allows it run side by side`() async throws {
        let schedulers = try await TestSchedulers()
        let job = try TestSchedulers.job("schedule: {every: 10s}\noverlap: allow\nrunAs: clerk\nwith: {n: 1}")
        let first = try await schedulers.look(job, at: 1_000)
        try await schedulers.look(job, at: 1_010)
        try await schedulers.look(job, at: 1_020)
        #expect(try await schedulers.runs() == 3)
        #expect(try await schedulers.orderingKeys().isEmpty)
        let run = try await schedulers.run(try #require(first.runs.first))
        #expect(run["cause"] == "schedule" && run["source"] == "j" && run["user"] == "clerk")
        await schedulers.close()
    }
}
