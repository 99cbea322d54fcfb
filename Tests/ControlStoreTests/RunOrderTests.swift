import Contracts
import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import ControlStore

/// Runs that share keys, done by several workers that die now and then.
@Suite(.database) struct RunOrderTests {
    @Test func `of each key the runs end in the order of their making, never two at once`() async throws {
        let store = try await TestControl.make()
        var generator = SeededGenerator.announced()
        let runs = (0..<80).map { _ in
            NewRun.work(
                keys: (0..<6).shuffled(using: &generator).prefix(Int.random(in: 0...3, using: &generator)).map {
                    "k\($0)"
                }
            )
        }
        for start in stride(from: 0, to: runs.count, by: 8) {
            _ = try await store.control.make(Array(runs[start..<start + 8]))
        }
        let journal = SharedJournal()
        let keys = Dictionary(uniqueKeysWithValues: runs.map { ($0.id, $0.orderingKeys) })
        let seeds = (0..<4).map { _ in generator.next() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (worker, seed) in seeds.enumerated() {
                group.addTask {
                    var generator = SeededGenerator(seed: seed)
                    while journal.state.withLock({ $0.ended.count }) < runs.count {
                        try await work(as: "w\(worker)", store, keys, journal, &generator)
                    }
                }
            }
            try await group.waitForAll()
        }
        let seen = journal.state.withLock { $0 }
        #expect(seen.overlaps == 0)
        for key in (0..<6).map({ "k\($0)" }) {
            #expect(seen.begun[key, default: []] == runs.filter { $0.orderingKeys.contains(key) }.map(\.id))
        }
        #expect(try await store.scalar("SELECT count(*) FROM run_keys", as: Int64.self) == 0)
        await store.close()
    }

    /// Looks for runs as if every message had been lost, and does one of them; or dies over it.
    private func work(
        as worker: String,
        _ store: TestControl,
        _ keys: [String: [String]],
        _ journal: SharedJournal,
        _ generator: inout SeededGenerator
    ) async throws {
        try await store.client.execute(
            """
            UPDATE runs SET nudge_at = now()
            WHERE id IN (SELECT id FROM runs WHERE state = 'waiting' FOR UPDATE SKIP LOCKED)
            """
        )
        for id in try await store.control.dueRuns(limit: 4, patience: .zero).shuffled(using: &generator) {
            guard let run = try await store.control.claim(run: id, worker: worker, lease: .seconds(60)) else {
                continue
            }
            journal.state.withLock { $0.begin(id, keys[id] ?? []) }
            await Task.yield()
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                // The worker dies; in time its claim ends.
                journal.state.withLock { $0.end(id, keys[id] ?? []) }
                try await store.expireClaim(of: id)
            case 1:
                let failure = Failure(code: "again", message: "Not yet.")
                journal.state.withLock { $0.end(id, keys[id] ?? []) }
                #expect(try await store.control.finish(run, .retry(failure, after: .zero)) != nil)
            default:
                journal.state.withLock {
                    $0.end(id, keys[id] ?? [])
                    $0.ended.insert(id)
                }
                #expect(try await store.control.finish(run, .succeeded) != nil)
            }
        }
    }
}

/// What happened, in the order in which it did.
private struct Journal {
    var begun: [String: [String]] = [:]
    var active: [String: String] = [:]
    var ended: Set<String> = []
    var overlaps = 0

    mutating func begin(_ id: String, _ keys: [String]) {
        for key in keys {
            if active.updateValue(id, forKey: key) != nil { overlaps += 1 }
            if begun[key]?.last != id { begun[key, default: []].append(id) }
        }
    }

    mutating func end(_ id: String, _ keys: [String]) {
        for key in keys { active[key] = nil }
    }
}

/// The journal of several workers.
private final class SharedJournal: Sendable {
    let state = Mutex(Journal())
}
