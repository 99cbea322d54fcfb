import Contracts
import ControlStore
import CouchProtocol
import JSON
import Projects
import Sequences
import TestSupport
import Testing

@testable import ChangeListener
@testable import DocumentStore

@Suite struct ListenerRunsTests {
    private func listener(chunk: Int) throws -> Listener {
        let files = [
            "project.yaml": "project: p\n",
            "databases/d/database.yaml": "description: Documents.\n",
            "sequences/push.yaml": "variables:\n  doc: {type: object, multi: true}\nsteps: []\n",
            "listeners/l.yaml": "database: d\nall: true\nchunk: \(chunk)\nsequence: push\n",
        ]
        return try #require(try Project.read(files) { _ in nil }.listeners["l"])
    }

    private func match(
        _ seq: Int,
        _ id: String,
        by author: String?,
        from origin: ChangeEvent.Origin = .device
    ) -> MatchedChange {
        MatchedChange(
            change: CommittedChange(
                seq: seq,
                id: DocumentID(stored: id),
                revision: "1-a",
                isDeleted: false,
                tags: Tags(),
                origin: origin.rawValue,
                author: author,
                traceID: nil
            ),
            document: ["_id": .string(id), "seq": .number(JSONNumber(seq))]
        )
    }

    /// The changes of a run, as their numbers.
    private func numbers(_ run: NewRun) -> [Int] {
        (run.variables?["doc"]?.arrayValue ?? []).compactMap { $0["seq"]?.intValue }
    }

    @Test func `no change makes no run`() throws {
        #expect(try ListenerRuns(project: "p", listener: listener(chunk: 3)).runs(of: []).isEmpty)
    }

    @Test func `a run is one user's and names what it holds up`() throws {
        let runs = try ListenerRuns(project: "p", listener: listener(chunk: 10)).runs(of: [
            match(1, "a", by: "ada"), match(2, "b", by: "ada"), match(3, "c", by: "bob"), match(4, "d", by: nil),
        ])
        #expect(runs.map(numbers) == [[1, 2], [3], [4]])
        #expect(runs.map(\.identity.user) == ["ada", "bob", nil])
        #expect(runs[0].orderingKeys == ["p/l/d/a", "p/l/d/b"])
        #expect(runs.allSatisfy { $0.project == "p" && $0.sequence == "push" && $0.source == "l" })
        #expect(runs.allSatisfy { $0.cause == .listener })
    }

    @Test func `what an administrator wrote is nobody's, and so is what its run writes`() throws {
        let runs = try ListenerRuns(project: "p", listener: listener(chunk: 10)).runs(of: [
            match(1, "a", by: "ada", from: .admin), match(2, "b", by: nil), match(3, "c", by: "ada"),
        ])
        #expect(runs.map(numbers) == [[1, 2], [3]])
        #expect(runs.map(\.identity.user) == [nil, "ada"])
    }

    @Test func `every change is in one run, in order, in chunks of one user without a document twice`() throws {
        var random = SeededGenerator.announced()
        for _ in 0..<300 {
            let chunk = Int.random(in: 1...5, using: &random)
            let matches = (0..<Int.random(in: 0...30, using: &random)).map { seq in
                match(
                    seq,
                    "doc\(Int.random(in: 0...4, using: &random))",
                    by: ["ada", "bob", nil].randomElement(using: &random) ?? nil
                )
            }
            let runs = try ListenerRuns(project: "p", listener: listener(chunk: chunk)).runs(of: matches)
            #expect(runs.flatMap(numbers) == matches.map(\.change.seq))
            for run in runs {
                let changes = numbers(run).map { matches[$0].change }
                #expect(1...chunk ~= changes.count)
                #expect(Set(changes.map(\.author)) == [run.identity.user])
                #expect(Set(changes.map(\.id)).count == changes.count)
                #expect(run.orderingKeys.count == changes.count)
            }
        }
    }
}
