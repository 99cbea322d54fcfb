import JSON
import Projects
import Schedules
import Sequences
import Testing

/// What jobs do besides running a sequence.
@Suite struct JobWorkTests {
    private func read(_ jobs: [String: String]) throws -> Project {
        var files = [
            "project.yaml": "project: p\n",
            "databases/d/database.yaml": "description: Documents.\n",
            "connectors/docs.yaml": "type: fullsync\ndatabase: d\n",
            "sequences/one.yaml": "variables: {n: {type: number}}\nsteps: []\n",
            "sequences/two.yaml": "authenticated: true\nsteps: []\n",
        ]
        for (name, text) in jobs { files["jobs/\(name).yaml"] = "schedule: {every: 1h}\n\(text)\n" }
        return try Project.read(files) { _ in nil }
    }

    /// What is wrong, without the places.
    private func problems(_ jobs: [String: String]) -> [String] {
        do {
            _ = try read(jobs)
            return []
        } catch {
            return (error as? ProjectProblems)?.problems.map(\.message) ?? ["\(error)"]
        }
    }

    @Test func `a transaction and a group have sequences that nobody else can name`() throws {
        let project = try read([
            "a": "sequence: one\nwith: {n: 1}", "b": "transaction: docs.databaseInfo",
            "all": "group: [a, b]", "side": "group: [b, a]\nmode: parallel",
        ])
        #expect(project.jobs["a"]?.sequence == SequenceReference(sequence: "one"))
        #expect(project.jobs["b"]?.work == .transaction(TransactionReference("docs.databaseInfo")!))
        #expect(project.jobs["side"]?.work == .group(["b", "a"], .parallel))
        for name in ["b", "all", "side"] {
            let job = try #require(project.jobs[name])
            let sequence = try #require(project.sequences[job.sequence.sequence])
            #expect(sequence.access == .private)
            #expect(SequenceReference(sequence.name) == nil)
        }
        let keywords = project.sequences["job:all"]?.body.allSteps.map(\.keyword)
        #expect(keywords == ["set", "try", "callSequence", "set", "try", "callTransaction", "set", "if", "fail"])
        #expect(project.sequences["job:side"]?.body.steps.map(\.keyword) == ["parallel"])
    }

    @Test func `disabled jobs are left out of their groups`() throws {
        let project = try read(["a": "sequence: one", "b": "sequence: one\nenabled: false", "all": "group: [a, b]"])
        let calls = project.sequences["job:all"]?.body.allSteps.filter { $0.keyword == "callSequence" }
        #expect(calls?.count == 1)
    }

    @Test func `a job has several schedules, or none if it runs by hand or in a group`() throws {
        func timetable(_ text: String, group: String = "") throws -> Timetable? {
            var files = ["project.yaml": "project: p\n", "sequences/one.yaml": "steps: []\n"]
            files["jobs/a.yaml"] = "sequence: one\n\(text)\n"
            if !group.isEmpty { files["jobs/all.yaml"] = "\(group)\nschedule: {every: 1h}\n" }
            return try Project.read(files) { _ in nil }.jobs["a"]?.timetable
        }
        #expect(
            try timetable("schedule: [{every: 1h}, {at: 2026-12-01T06:00:00Z}]")
                == Timetable([.every(seconds: 3_600), .at(try #require(Timestamp("2026-12-01T06:00:00Z")))])
        )
        #expect(try timetable("schedule: []") == Timetable([]))
        #expect(try timetable("", group: "group: [a]") == Timetable([]))
        #expect(try timetable("", group: "group: a") == Timetable([]))
        #expect(throws: ProjectProblems.self) { try timetable("") }
        #expect(throws: ProjectProblems.self) { try timetable("", group: "sequence: one") }
        let many = Array(repeating: "{every: 1h}", count: Timetable.largest + 1).joined(separator: ", ")
        #expect(throws: ProjectProblems.self) { try timetable("schedule: [\(many)]") }
    }

    @Test func `wrong work is told`() {
        #expect(problems(["a": "sequence: one\ngroup: [a]"]) == ["'sequence' and 'group' exclude each other"])
        #expect(problems(["a": "group: [a]"]) == ["the group 'a' is in itself"])
        #expect(problems(["a": "group: [b]", "b": "group: [a]"]).contains("the group 'a' is in itself"))
        #expect(problems(["a": "group: [none]"]) == ["there is no job 'none'"])
        #expect(problems(["a": "transaction: docs"]) == ["'transaction' must name connector.transaction"])
        #expect(
            problems(["a": "transaction: docs.none"]) == ["the connector 'docs' has no transaction 'none'"]
        )
        #expect(problems(["a": "sequence: one\nmode: parallel"]) == ["'mode' goes with 'group' only"])
        #expect(
            problems(["a": "sequence: one\nrunAs: ada", "all": "group: [a]"])
                == ["the job 'a' runs as 'ada', and in the group it would not"]
        )
    }
}
