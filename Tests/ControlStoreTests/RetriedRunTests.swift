import Contracts
import Foundation
import JSON
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import ControlStore

/// The lines in which runs stand that people put back.
@Suite(.database) struct RetriedRunTests {
    private let lease = Duration.seconds(60)
    private let failure = Failure(code: "boom", message: "It broke.")

    /// Claims a run, which must be ready, and ends it.
    private func end(_ run: String, _ end: RunEnd, _ control: ControlStore) async throws -> [String] {
        let claimed = try #require(try await control.claim(run: run, worker: "w", lease: lease))
        return try #require(try await control.finish(claimed, end))
    }

    private func isReady(_ run: String, _ control: ControlStore) async throws -> Bool {
        guard let run = try await control.claim(run: run, worker: "w", lease: lease) else { return false }
        _ = try await control.finish(run, .retry(failure, after: .zero, isCounted: false))
        return true
    }

    @Test(arguments: ["failed", "uncertain", "cancelled"])
    func `a run that let others pass comes back behind those that wait, and holds up who comes later`(
        state: String
    ) async throws {
        let store = try await TestControl.make()
        let control = store.control
        let runs = try await control.make([.work(keys: ["k", "l"]), .work(keys: ["k"]), .work(keys: ["l"])])
        switch state {
        case "failed":
            let next = try await end(runs[0], .failed(failure, holding: false), control)
            #expect(Set(next) == Set(runs[1...]))
        case "uncertain": _ = try await end(runs[0], .uncertain(failure, holding: false), control)
        default: #expect(try await control.cancelRun(runs[0])?.next.count == 2)
        }
        #expect(try await control.retryRun(runs[0]))
        #expect(try await !isReady(runs[0], control))
        let later = try #require(try await control.make([.work(keys: ["k"])]).first)
        #expect(try await end(runs[1], .succeeded, control) == [runs[0]])
        #expect(try await !isReady(runs[0], control))
        #expect(try await !isReady(later, control))
        #expect(try await end(runs[2], .succeeded, control) == [runs[0]])
        #expect(try await end(runs[0], .succeeded, control) == [later])
        #expect(try await isReady(later, control))
        await store.close()
    }

    @Test func `a run that is set aside twice has its lines again each time`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let runs = try await control.make([.work(keys: ["k"]), .work(keys: ["k"])])
        _ = try await end(runs[0], .failed(failure, holding: false), control)
        // One that had left its lines is cancelled besides, and remembers them.
        #expect(try await control.cancelRun(runs[0]) != nil)
        for _ in 0..<2 {
            #expect(try await control.retryRun(runs[0]))
            #expect(try await !isReady(runs[0], control))
            #expect(try await control.cancelRun(runs[0]) != nil)
        }
        #expect(try await isReady(runs[1], control))
        await store.close()
    }

    @Test func `a run that was made as failed and let others pass gets its line when it is retried`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        var failed = NewRun.work(keys: ["k"])
        failed.failure = failure
        let runs = try await control.make([failed, .work(keys: ["k"])])
        #expect(try await isReady(runs[1], control))
        #expect(try await control.retryRun(runs[0]))
        #expect(try await !isReady(runs[0], control))
        #expect(try await end(runs[1], .succeeded, control) == [runs[0]])
        await store.close()
    }

    @Test func `a run that is decided about comes back to its line, too`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let runs = try await control.make([.work(keys: ["k"]), .work(keys: ["k"])])
        _ = try await end(runs[0], .uncertain(failure, holding: false), control)
        #expect(try await control.resolveRun(runs[0], answer: 1))
        #expect(try await !isReady(runs[0], control))
        #expect(try await end(runs[1], .succeeded, control) == [runs[0]])
        await store.close()
    }

    @Test func `whoever makes runs at that moment has made them before, or makes them behind`() async throws {
        let store = try await TestControl.make()
        let other = try TestControl.connect()
        let control = store.control
        var first = NewRun.work(keys: ["k"])
        (first.source, first.sourceProject) = ("l", "shop")
        let follower = "listener/shop/l"
        let aside = try #require(try await control.make([first]).first)
        _ = try await end(aside, .failed(failure, holding: false), control)
        let held = try #require(
            try await control.acquireLease(Lease.name(of: follower, in: "db"), holder: "a", for: lease)
        )
        let next = NewRun.work(keys: ["k"])
        let position = Position(incarnation: "i", seq: 1)
        let retrying = try await store.client.transaction { connection in
            let move = control.move(follower, in: "db", to: position, under: held)
            _ = try await connection.pipeline([move] + control.insert([next]))
            let retrying = Task { try await other.control.retryRun(aside) }
            // It would otherwise have a place in front of a run that nobody sees yet.
            try await eventually("the retry waits for the run that is being made") {
                try await control.client.query(
                    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                ).count == 1
            }
            return retrying
        }
        #expect(try await retrying.value)
        #expect(try await !isReady(aside, control))
        #expect(try await end(next.id, .succeeded, control) == [aside])
        await store.close()
        await other.close()
    }

    @Test func `a run that held its lines and is cancelled while it is retried comes back behind the others, too`()
        async throws
    {
        let store = try await TestControl.make()
        let other = try TestControl.connect()
        let control = store.control
        var first = NewRun.work(keys: ["k"])
        (first.source, first.sourceProject, first.holds) = ("l", "shop", true)
        let aside = try #require(try await control.make([first]).first)
        _ = try await end(aside, .failed(failure, holding: true), control)
        let follower = "listener/shop/l"
        let held = try #require(
            try await control.acquireLease(Lease.name(of: follower, in: "db"), holder: "a", for: lease)
        )
        let next = NewRun.work(keys: ["k"])
        let position = Position(incarnation: "i", seq: 1)
        let retrying = try await store.client.transaction { connection in
            _ = try await connection.pipeline([control.move(follower, in: "db", to: position, under: held)])
            let retrying = Task { try await other.control.retryRun(aside) }
            // Also while the run stands in its lines: it may leave them before it is locked.
            try await eventually("the retry waits for whoever makes runs") {
                try await control.client.query(
                    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                ).count == 1
            }
            #expect(try await control.cancelRun(aside) != nil)
            _ = try await connection.pipeline(control.insert([next]))
            return retrying
        }
        #expect(try await retrying.value)
        #expect(try await !isReady(aside, control))
        #expect(try await end(next.id, .succeeded, control) == [aside])
        await store.close()
        await other.close()
    }

    @Test func `of a listener that is sent back all runs are cancelled that waited, however many`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let made = (0..<2_300).map { number in
            var run = NewRun.work(keys: ["k\(number % 7)"])
            (run.source, run.sourceProject) = ("l", "shop")
            return run
        }
        let runs = try await control.make(made)
        let running = try #require(try await control.claim(run: runs[0], worker: "w", lease: lease))
        let place = Position(incarnation: "i", seq: 0)
        let told = Mutex<[[String]]>([])
        func rewind() async throws -> RewindOutcome {
            try await control.rewind("f", in: "db", to: place, cancellingRunsOf: ("shop", "l")) { next in
                told.withLock { $0.append(next) }
            }
        }
        // It fails in between: the oldest are left, and are cancelled when it is asked for again.
        try await control.client.execute(
            """
            CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.state = 'cancelled' AND NEW.number <= (SELECT min(number) FROM runs) + 500 THEN
                    RAISE EXCEPTION 'kept' USING ERRCODE = '22000';
                END IF;
                RETURN NEW;
            END $$
            """
        )
        try await control.client.execute(
            "CREATE TRIGGER keep BEFORE UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION keep()"
        )
        let first = try await rewind()
        #expect(first.cancelled == 1_000 && first.failure != nil)
        #expect(told.withLock { $0.count } == 1)
        #expect(try await store.state(of: runs[1_299]) == "waiting")
        #expect(try await store.state(of: runs[1_300]) == "cancelled")
        try await control.client.execute("DROP TRIGGER keep ON runs")
        let outcome = try await rewind()
        #expect(outcome.cancelled == 1_299 && outcome.failure == nil)
        #expect(told.withLock { $0.last } == [running.id])
        #expect(try await store.scalar("SELECT count(*) FROM run_keys", as: Int64.self) == 1)
        await store.close()
    }

    @Test func `a listener that is sent back takes the runs with it that wait, when that is wanted`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let made = (0..<5).map { number in
            var run = NewRun.work(keys: number < 3 ? ["k"] : ["other\(number)"])
            (run.source, run.sourceProject) = (number == 4 ? "other" : "l", "shop")
            return run
        }
        let runs = try await control.make(made)
        let running = try #require(try await control.claim(run: runs[0], worker: "w", lease: lease))
        let place = Position(incarnation: "i", seq: 0)
        #expect(try await control.rewind("f", in: "db", to: place).cancelled == 0)
        #expect(try await store.state(of: runs[1]) == "waiting")
        let outcome = try await control.rewind("f", in: "db", to: place, cancellingRunsOf: ("shop", "l"))
        #expect(outcome.cancelled == 3)
        var states: [String?] = []
        for run in runs { states.append(try await store.state(of: run)) }
        #expect(states == ["running", "cancelled", "cancelled", "cancelled", "waiting"])
        #expect(try await control.run(runs[1])?["error"]?["code"] == "rewound")
        // They stand in nobody's way, and come back to their lines like others.
        #expect(try await control.finish(running, .succeeded) == [])
        #expect(try await control.retryRun(runs[2]))
        #expect(try await control.retryRun(runs[1]))
        #expect(try await !isReady(runs[1], control))
        #expect(try await end(runs[2], .succeeded, control) == [runs[1]])
        await store.close()
    }
}
