import Contracts
import Foundation
import Postgres
import Projects
import TestSupport
import Testing

@testable import ControlStore

/// From when on the schedules of deployed jobs count.
@Suite(.database) struct ScheduleStartTests {
    private static let long = Date(timeIntervalSince1970: 1_000)
    private static let daily = "schedule: {cron: '0 2 * * *'}"

    @Test func `a schedule that is new or another begins with its deployment, and one that stays goes on`() async throws
    {
        let store = try await TestControl.make()
        try await deploy([Self.daily], to: store)
        #expect(try await begins(store))
        // What was missed since is still missed after a deployment of something else.
        try await set(Self.long, in: store)
        try await deploy([Self.daily, "missed: all"], to: store)
        #expect(try await store.control.decidedUntil(job: "shop/j") == Self.long)
        try await deploy(["schedule: {cron: '0 14 * * *'}"], to: store)
        #expect(try await begins(store))
        try await set(Self.long, in: store)
        try await deploy(["schedule: {cron: '0 14 * * *', timeZone: Europe/Paris}"], to: store)
        #expect(try await begins(store))
        await store.close()
    }

    @Test func `a job that comes back begins anew, and those of other projects go on`() async throws {
        let store = try await TestControl.make()
        try await deploy([Self.daily], to: store)
        try await set(Self.long, in: store)
        try await store.makeLive(job: "shop2/j")
        _ = try await store.control.fire(job: "shop2/j", [], after: nil, until: Self.long)
        try await deploy([Self.daily, "enabled: false"], to: store)
        #expect(try await store.control.decidedUntil(job: "shop/j") == nil)
        try await deploy([Self.daily, "missed: all"], to: store)
        #expect(try await begins(store))
        try await set(Self.long, in: store)
        #expect(try await store.control.undeploy(project: "shop"))
        try await deploy([Self.daily], to: store)
        #expect(try await begins(store))
        #expect(try await store.control.decidedUntil(job: "shop2/j") == Self.long)
        await store.close()
    }

    @Test func `an interval that is new is left to a scheduler, which takes it once`() async throws {
        let store = try await TestControl.make()
        try await deploy(["schedule: {every: 1h}"], to: store)
        #expect(try await store.control.decidedUntil(job: "shop/j") == nil)
        #expect(try await store.control.decidedUntil().isEmpty)
        #expect(try await store.control.fire(job: "shop/j", [], after: nil, until: Self.long) == [])
        #expect(try await store.control.fire(job: "shop/j", [], after: nil, until: Self.long) == nil)
        try await deploy(["schedule: {every: 2h}"], to: store)
        #expect(try await begins(store))
        await store.close()
    }

    @Test func `a scheduler that has not heard that a job is gone does not take it for new`() async throws {
        let store = try await TestControl.make()
        try await deploy(["schedule: {every: 1h}"], to: store)
        #expect(try await store.control.fire(job: "shop/j", [], after: nil, until: Self.long) == [])
        try await deploy(["schedule: {every: 1h}", "enabled: false"], to: store)
        let firing = (at: Self.long, run: NewRun.work(cause: .schedule) as NewRun?)
        #expect(try await store.control.fire(job: "shop/j", [firing], after: nil, until: Self.long) == nil)
        #expect(try await store.scalar("SELECT count(*) FROM runs", as: Int64.self) == 0)
        await store.close()
    }

    @Test func `a scheduler that has not heard of a job's new schedule decides nothing by the old one`() async throws {
        let store = try await TestControl.make()
        let known: PostgresQuery = "SELECT schedule FROM schedules WHERE job = 'shop/j'"
        try await deploy(["schedule: {every: 1h}"], to: store)
        let old = try await store.scalar(known, as: String.self)
        #expect(try await store.control.fire(job: "shop/j", [], of: "other", after: nil, until: Self.long) == nil)
        #expect(try await store.control.fire(job: "shop/j", [], of: old, after: nil, until: Self.long) == [])
        try await deploy(["schedule: {every: 2h}"], to: store)
        let new = try await store.scalar(known, as: String.self)
        let decided = try await store.control.decidedUntil(job: "shop/j")
        let firing = (at: Self.long, run: NewRun.work(cause: .schedule) as NewRun?)
        let late = Date(timeIntervalSince1970: 10_000_000_000)
        #expect(try await store.control.fire(job: "shop/j", [firing], of: old, after: decided, until: late) == nil)
        #expect(try await store.scalar("SELECT count(*) FROM runs", as: Int64.self) == 0)
        #expect(try await store.control.decidedUntil(job: "shop/j") == decided)
        #expect(
            try await store.control.fire(job: "shop/j", [firing], of: new, after: decided, until: late)?.count == 1
        )
        await store.close()
    }

    /// Whether the job's schedule counts from about now on, and not from when it was set to.
    private func begins(_ store: TestControl) async throws -> Bool {
        let decided = try #require(try await store.control.decidedUntil(job: "shop/j"))
        return decided > Date(timeIntervalSince1970: 1_000_000_000)
    }

    private func set(_ date: Date, in store: TestControl) async throws {
        try await store.client.execute("UPDATE schedules SET decided_until = \(date) WHERE job = 'shop/j'")
    }

    private func deploy(_ lines: [String], to store: TestControl) async throws {
        let files = [
            "project.yaml": "project: shop\n", "sequences/work.yaml": "steps: []\n",
            "jobs/j.yaml": "sequence: work\n\(lines.joined(separator: "\n"))\n",
        ]
        let project = try Project.read(files) { _ in nil }
        _ = try await store.control.deploy(
            project: "shop",
            files: files,
            digest: project.digest,
            jobs: Array(project.jobs.values),
            by: "admin"
        )
    }
}
