import Contracts
import Foundation
import Postgres
import TestSupport
import Testing

@testable import ControlStore

/// Firings, sessions and deployments: what several processes decide at once is decided once.
@Suite(.database) struct DecisionTests {
    @Test func `each firing is decided once by however many schedulers`() async throws {
        let store = try await TestControl.make()
        let stores = [store, try TestControl.connect(), try TestControl.connect()]
        let start = Date(timeIntervalSince1970: 1_700_000_000.25)
        let times = (0..<30).map { start + Double($0) }
        try await store.makeLive(job: "j")
        #expect(try await store.control.decidedUntil(job: "j") == nil)
        let made = try await withThrowingTaskGroup(of: [String].self) { group in
            for (index, scheduler) in stores.enumerated() {
                group.addTask { try await decide(times, by: scheduler.control, atOnce: index + 1) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(made.count == times.count)
        #expect(try await store.scalar("SELECT count(*) FROM firings", as: Int64.self) == Int64(times.count))
        #expect(try await store.scalar("SELECT count(*) FROM runs", as: Int64.self) == Int64(times.count))
        #expect(try await store.control.decidedUntil(job: "j") == times.last)
        // Who is late decides nothing, and sets nothing back.
        #expect(try await store.control.fire(job: "j", [], after: start, until: times[29] + 1) == nil)
        #expect(try await store.control.fire(job: "j", [], after: nil, until: start) == nil)
        #expect(try await store.control.decidedUntil(job: "j") == times.last)
        // Who knows what was decided may say that the clock was put back.
        #expect(try await store.control.fire(job: "j", [], after: times.last, until: start) == [])
        #expect(try await store.control.decidedUntil(job: "j") == start)
        try await store.control.pruneFirings(olderThan: .zero)
        #expect(try await store.scalar("SELECT count(*) FROM firings", as: Int64.self) == 0)
        for store in stores { await store.close() }
    }

    /// Decides all that is left, some times after the other, beside whoever does so too.
    private func decide(_ times: [Date], by control: ControlStore, atOnce count: Int) async throws -> [String] {
        var made: [String] = []
        while true {
            let decided = try await control.decidedUntil(job: "j")
            let stretch = times.filter { time in decided.map { time > $0 } ?? true }.prefix(count)
            guard let end = stretch.last else { return made }
            let runs = stretch.map { (at: $0, run: NewRun.work(cause: .schedule)) }
            made += try await control.fire(job: "j", runs, after: decided, until: end) ?? []
        }
    }

    @Test func `a job knows of its unfinished runs`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        var run = NewRun.work(cause: .schedule)
        run.source = "nightly"
        let firing = (at: Date(timeIntervalSince1970: 0), run: run)
        try await store.makeLive(job: "demo/nightly")
        _ = try await control.fire(job: "demo/nightly", [firing], after: nil, until: Date())
        func unfinished(_ job: String = "nightly", of project: String = "demo", limit: Int = 5) async throws -> Int {
            var like = run
            (like.source, like.sourceProject) = (job, project)
            let asked = like
            return try await store.client.transaction { connection in
                try await control.unfinishedRuns(of: asked, limit: limit, connection)
            }
        }
        #expect(try await unfinished() == 1)
        #expect(try await unfinished(limit: 0) == 0)
        #expect(try await unfinished("hourly") == 0)
        // The job of that name of another project, which starts the same sequence.
        #expect(try await unfinished(of: "other") == 0)
        let claimed = try #require(try await control.claim(run: run.id, worker: "w", lease: .seconds(30)))
        #expect(try await unfinished() == 1)
        _ = try await control.finish(claimed, .succeeded)
        #expect(try await unfinished() == 0)
        await store.close()
    }

    @Test func `a session lives until it ends, and its token is not in the table`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let later = Date(timeIntervalSinceReferenceDate: 2_000_000_000)
        let begin = Date(timeIntervalSinceReferenceDate: 1)
        let session = Session(user: "ann", isAdministrator: false, created: begin, expires: later)
        let token = try #require(try await control.beginSession(session))
        let another = Session(user: "ann", isAdministrator: false, created: begin, expires: later)
        let second = try #require(try await control.beginSession(another))
        let old = try #require(
            try await control.beginSession(
                Session(user: "ann", isAdministrator: true, expires: Date(timeIntervalSince1970: 1))
            )
        )
        #expect(token != second)
        #expect(try await control.session(token: token) == session)
        #expect(try await control.session(token: old) == nil)
        #expect(try await control.session(token: "") == nil)
        let stored = try await store.client.query("SELECT digest FROM sessions").map {
            try $0.decode([UInt8].self, at: 0)
        }
        #expect(!stored.contains(Array(token.utf8)))
        try await control.pruneSessions()
        #expect(try await store.scalar("SELECT count(*) FROM sessions", as: Int64.self) == 2)
        try await control.endSession(token: token)
        #expect(try await control.session(token: token) == nil)
        #expect(try await control.session(token: second) == another)
        await store.close()
    }

    @Test func `deployments at once get a number each, and the same one gets none`() async throws {
        let store = try await TestControl.make()
        let stores = [store, try TestControl.connect()]
        let versions = try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<12 {
                group.addTask {
                    try await stores[index % 2].control.deploy(
                        project: "p",
                        files: ["a.yaml": "\(index)"],
                        digest: "\(index)",
                        by: "admin"
                    )
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(versions.sorted() == Array(1...12))
        #expect(try await store.control.liveVersions() == ["p": 12])
        let live = try #require(try await store.control.project("p", version: 12))
        #expect(try await store.control.deploy(project: "p", files: live.files, digest: live.digest, by: "admin") == 12)
        // Going back to an earlier text is a new version.
        let first = try #require(try await store.control.project("p", version: 1))
        #expect(
            try await store.control.deploy(project: "p", files: first.files, digest: first.digest, by: "admin") == 13
        )
        #expect(try await store.control.project("p", version: 13)?.files == first.files)
        #expect(try await store.control.project("q", version: 1) == nil)
        for store in stores { await store.close() }
    }
}
