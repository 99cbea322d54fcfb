import Foundation
import Projects
import Schedules
import Testing

@testable import Scheduler

/// When a scheduler looks at which job.
@Suite struct JobAgendaTests {
    private func project(_ jobs: [String: String]) throws -> Project {
        var files = ["project.yaml": "project: shop\n", "sequences/work.yaml": "steps: []\n"]
        for (name, text) in jobs { files["jobs/\(name).yaml"] = "sequence: work\n\(text)\n" }
        return try Project.read(files) { _ in nil }
    }

    private func names(_ agenda: JobAgenda, at second: Int) -> [String] {
        agenda.due(at: Timestamp(seconds: second)).map { agenda.entries[$0].job.name }.sorted()
    }

    @Test func `new jobs are due at once, known ones at their time, others never`() throws {
        let project = try project([
            "new": "schedule: {every: 1m}", "known": "schedule: {every: 1m}",
            "disabled": "schedule: {every: 1m}\nenabled: false", "resting": "schedule: {every: 1m}",
        ])
        let decided = ["shop/known": Date(timeIntervalSince1970: 1_000)]
        var agenda = JobAgenda(
            [project],
            resting: ["shop/resting"],
            decided: decided,
            now: Timestamp(seconds: 1_010)
        )
        #expect(names(agenda, at: 1_010) == ["new"])
        #expect(names(agenda, at: 1_020) == ["known", "new"])
        agenda.note(agenda.due(at: Timestamp(seconds: 1_010)).map { ($0, nil) })
        #expect(agenda.earliest == Timestamp(seconds: 1_020))
        #expect(names(agenda, at: 1_020) == ["known"])
    }

    @Test func `a job that is decided into the future is looked at`() throws {
        let project = try project(["j": "schedule: {every: 1m}"])
        let decided = ["shop/j": Date(timeIntervalSince1970: 90_000)]
        let agenda = JobAgenda([project], resting: [], decided: decided, now: Timestamp(seconds: 1_000))
        #expect(names(agenda, at: 1_000) == ["j"])
    }
}
