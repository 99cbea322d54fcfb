import Contracts
import ControlStore
import DocumentStore
import Foundation
import JSON
import Messaging
import Postgres
import Sequences
import TestMessaging
import TestSupport
import Testing

@testable import SequenceWorker

/// What a run does that another worker had begun: nothing twice, and nothing that was left open counts as done.
@Suite(.database, .virtualHost, .timeLimit(.minutes(10))) struct RepeatedCallTests {
    private let run = UUID().uuidString.lowercased()

    /// The run of a call as another worker has begun it.
    private func begin(_ sequence: String, _ worker: TestWorker) async throws -> ClaimedRun {
        var new = NewRun(project: "shop", sequence: sequence, cause: .call, variables: [:], traceID: "t")
        new.id = run
        return try #require(try await worker.control.begin(new, worker: "gone", lease: .seconds(600)))
    }

    @Test func `a run that does not come again to what was asked for is uncertain, and not done`() async throws {
        try await TestWorker.with { worker in
            // That worker asked for the effect of a turn, and died; what the turn was for is in the list no more.
            try await worker.control.noteAttempt(of: try await begin("greet", worker), step: "1.do@gone.1")
            let outcome = try await worker.taking {
                try await worker.answer(worker.call("greet", ["variables": ["name": "ann"]], run: run))
            }
            guard case .failed(let failure) = outcome else {
                Issue.record("it succeeded")
                return
            }
            #expect(failure.code == "outcome_unknown" && failure.effect == .unknown)
            #expect(failure.details["steps"] == ["1.do@gone.1"])
            #expect(try await worker.control.run(run)?["state"] == "uncertain")
            #expect(try await worker.control.run(run)?["attempts"] == 2)
            // A person has looked, and lets it go on.
            #expect(try await worker.control.resolveRun(run, answer: true))
        }
    }

    @Test func `a run of which all is known that was asked for is done`() async throws {
        try await TestWorker.with { worker in
            let before = try await begin("greet", worker)
            try await worker.control.noteAttempt(of: before, step: "1.do@gone.1")
            #expect(try await worker.client.execute(worker.control.record(1, of: before, step: "1.do@gone.1")) == 1)
            let outcome = try await worker.taking {
                try await worker.answer(worker.call("greet", ["variables": ["name": "ann"]], run: run))
            }
            guard case .succeeded(let answer, _, _) = outcome else {
                Issue.record("it failed")
                return
            }
            #expect(answer == ["hello": "ann"])
            #expect(try await worker.control.run(run)?["state"] == "succeeded")
        }
    }

    @Test func `rows that share an id are told apart, also when a later attempt finds one of them left`() async throws {
        try await TestWorker.with { worker in
            // Of a run that is written as before the worker may be at the call still, which it has answered.
            func note(_ articles: [JSONValue], _ run: String) async throws -> String? {
                let rows = articles.map { article -> JSONValue in ["id": 7, "article": article] }
                let call = worker.call("noteRows", ["variables": ["rows": .array(rows)]], run: run)
                let code = try await worker.failure(of: call)
                // As when the worker died before it could write down the end.
                try await worker.client.execute("UPDATE runs SET state = 'running', finished_at = NULL")
                return code
            }
            try await worker.taking {
                let codes = [
                    try await note(["a", "b"], "abcdefab-0000-4000-8000-000000000001"),
                    try await note(["b", "c"], "ABCDEFAB-0000-4000-8000-000000000001"),
                    try await note(["c"], "Abcdefab-0000-4000-8000-000000000001"),
                ]
                #expect(codes == [nil, nil, nil])
            }
            let attempts = try await worker.attempts(at: "abcdefab-0000-4000-8000-000000000001")
            #expect(attempts == 3)
            let rows = try await worker.client.query("SELECT count(*) FROM documents")
            let documents = try rows.first?.decode(Int64.self, at: 0)
            #expect(documents == 3)
        }
    }
}
