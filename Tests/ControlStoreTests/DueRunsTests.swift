import Contracts
import Foundation
import Postgres
import TestSupport
import Testing

@testable import ControlStore

/// Which runs workers are told of when many are due.
@Suite(.database) struct DueRunsTests {
    private static let patience = Duration.seconds(3_600)

    @Test func `a retry is given out at once, whatever waits behind a run that failed or for its line's share`()
        async throws
    {
        let store = try await TestControl.make()
        var poison = NewRun.work(keys: ["document"])
        (poison.source, poison.holds) = ("hot", true)
        poison.failure = Failure(code: "boom", message: "It broke.")
        _ = try await store.control.make([poison])
        try await store.makeDue(20_000, of: "hot", key: "'document'")
        try await store.makeDue(20_000, of: "slow", key: "number::text")
        try await store.makeDue(1, of: "healthy", attempts: 1)
        let retry = try await store.scalar("SELECT id FROM runs WHERE source = 'healthy'", as: UUID.self)
        let slow = RunLine(project: "demo", cause: .listener, source: "slow")
        let first = try await store.control.dueRuns(
            limit: 100,
            patience: Self.patience,
            besides: [slow],
            from: DuePlaces()
        )
        #expect(first.runs == [retry.uuidString.lowercased()])
        // The share of what is due at the same time is what the others leave.
        try await store.client.execute("UPDATE runs SET nudge_at = now() WHERE source = 'healthy'")
        let second = try await store.control.dueRuns(
            limit: 100,
            patience: Self.patience,
            besides: [],
            from: first.places
        )
        #expect(second.runs.first == retry.uuidString.lowercased() && second.runs.count == 100)
        // Nothing was written of what nobody was told of.
        #expect(
            try await store.scalar(
                "SELECT count(*) FROM runs WHERE state = 'waiting' AND attempts = 0 AND nudge_at > now()",
                as: Int64.self
            ) == 99
        )
        #expect(
            try await store.scalar(
                "SELECT count(DISTINCT xmin::text) FROM runs WHERE source = 'hot' AND state = 'waiting'",
                as: Int64.self
            ) == 1
        )
        await store.close()
    }

    @Test func `what comes behind many that wait for an older run is found by and by`() async throws {
        let store = try await TestControl.make()
        try await store.makeDue(1, of: "hot", key: "'document'")
        let oldest = try await store.scalar("SELECT id FROM runs", as: UUID.self)
        try await store.makeDue(300, of: "hot", key: "'document'")
        try await store.makeDue(1, of: "hot", key: "'another'")
        let head = try #require(
            try await store.control.claim(run: oldest.uuidString, worker: "w", lease: .seconds(3_600))
        )
        var (places, looks, found) = (DuePlaces(), 0, [String]())
        repeat {
            let due = try await store.control.dueRuns(limit: 50, patience: Self.patience, besides: [], from: places)
            (places, looks, found) = (due.places, looks + 1, found + due.runs)
        } while !places.isBeginning
        let other = try await store.scalar("SELECT run FROM run_keys WHERE key = 'another'", as: UUID.self)
        #expect(found == [other.uuidString.lowercased()] && looks == 7)
        // The next in line was told of, and nobody heard it; the line begins anew.
        let next = try #require(try await store.control.finish(head, .succeeded))
        let due = try await store.control.dueRuns(limit: 50, patience: Self.patience, besides: [], from: places)
        #expect(next.count == 1 && due.runs == next)
        await store.close()
    }

    @Test func `looks at runs of many lines give each that may begin once, and touch no other`() async throws {
        let store = try await TestControl.make()
        var generator = SeededGenerator.announced()
        var runs: [NewRun] = []
        for _ in 0..<300 {
            var run = NewRun.work(
                keys: Set(
                    (0..<Int.random(in: 0...2, using: &generator)).map { _ in
                        "k\(Int.random(in: 0..<60, using: &generator))"
                    }
                ).sorted()
            )
            run.source = "l\(min(Int.random(in: 0..<9, using: &generator), 4))"
            runs.append(run)
        }
        _ = try await store.control.make(runs)
        var (ready, taken) = (Set<String>(), Set<String>())
        for run in runs {
            if taken.isDisjoint(with: run.orderingKeys) { ready.insert(run.id) }
            taken.formUnion(run.orderingKeys)
        }
        // Some at the same moment, some later, some as retries, some not yet due.
        var late = Set<String>()
        for run in runs {
            let age = Int.random(in: -2...5, using: &generator)
            if age < 0 { late.insert(run.id) }
            try await store.client.execute(
                """
                UPDATE runs SET nudge_at = '2020-01-01'::timestamptz
                    + CASE WHEN \(Int64(age)) < 0 THEN interval '100 years' ELSE \(Int64(age)) * interval '1 day' END,
                    attempts = \(Int32(Bool.random(using: &generator) ? 0 : 1))
                WHERE id = \(UUID(uuidString: run.id))
                """
            )
        }
        let limit = Int.random(in: 1...40, using: &generator)
        var (places, given, idle) = (DuePlaces(), [String](), 0)
        // Each line begins anew by itself; as many looks as there are runs see the end of all.
        repeat {
            let due = try await store.control.dueRuns(
                limit: limit,
                patience: Self.patience,
                besides: [],
                from: places
            )
            (places, given) = (due.places, given + due.runs)
            idle = due.runs.isEmpty ? idle + 1 : 0
            #expect(due.runs.count <= limit)
        } while idle <= runs.count + 2
        #expect(given.sorted() == ready.subtracting(late).sorted())
        let told = try await store.client.query(
            "SELECT id FROM runs WHERE nudge_at BETWEEN '2020-02-01' AND now() + interval '2 hours'"
        )
        #expect(Set(try told.map { try $0.decode(UUID.self).uuidString.lowercased() }) == Set(given))
        await store.close()
    }
}

extension TestControl {
    /// Makes many runs that are due, each behind the others with the key that the expression makes of its number.
    fileprivate func makeDue(_ count: Int, of source: String, key: String? = nil, attempts: Int = 0) async throws {
        try await client.execute(
            """
            WITH made AS (
                INSERT INTO runs (id, project, sequence, cause, source, variables, state, trace_id, nudge_at, attempts)
                SELECT gen_random_uuid(), 'demo', 'work', 'listener', \(source), '{}'::bytea, 'waiting', 't',
                    now() - interval '1 hour', \(Int32(attempts))
                FROM generate_series(1, \(Int64(count)))
                RETURNING id, number
            )
            INSERT INTO run_keys (key, number, run)
            SELECT \(unescaped: key ?? "''"), number, id FROM made WHERE \(key != nil)
            """
        )
    }
}
