import Contracts
import ControlStore
import JSON
import Testing

@testable import SequenceWorker

@Suite struct RetryPolicyTests {
    private let policy = RetryPolicy(attempts: 5, greatestDelay: .seconds(60))

    private func end(_ code: String, _ details: JSONValue = .null, attempt: Int, holding: Bool = true) -> RunEnd {
        policy.end(
            after: Failure(code: code, message: "", details: details),
            attempt: attempt,
            holding: holding,
            jitter: 0
        )
    }

    private func isRetry(_ end: RunEnd) -> Bool {
        if case .retry = end { true } else { false }
    }

    @Test func `a failure is tried again as often as the policy says`() {
        for attempt in 1...4 { #expect(isRetry(end("boom", attempt: attempt))) }
        for attempt in 5...7 { #expect(!isRetry(end("boom", attempt: attempt))) }
    }

    @Test(arguments: ["invalid_variable", "unauthenticated", "script", "limit", "not_found"])
    func `what no repetition mends fails at once`(code: String) {
        #expect(!isRetry(end(code, attempt: 1)))
    }

    @Test(arguments: [
        "connect_failed", "connection_lost", "timeout", "circuit_open", "busy", "not_json", "connector_unavailable",
        "unavailable", "stopped",
    ])
    func `whoever is away is waited for as long as it takes`(code: String) {
        #expect(isRetry(end(code, attempt: 1_000_000)))
    }

    @Test(arguments: [(500, true), (503, true), (429, true), (408, true), (400, false), (404, false), (422, false)])
    func `a back end that is not well is waited for, one that refuses is not`(status: Int, isWaitedFor: Bool) {
        let answer: JSONValue = ["status": .number(JSONNumber(status))]
        // As the connector says it, and as the sequence's failure passes it on.
        for details in [answer, ["details": answer, "step": "1"]] {
            #expect(isRetry(end("http_status", details, attempt: 100)) == isWaitedFor)
            #expect(isRetry(end("http_status", details, attempt: 1)))
        }
    }

    @Test(arguments: [true, false]) func `whether younger runs wait is passed on`(holding: Bool) {
        guard case .failed(_, holding: let passed) = end("script", attempt: 1, holding: holding) else {
            Issue.record("it is tried again")
            return
        }
        #expect(passed == holding)
    }

    @Test func `the pauses double up to the longest`() {
        let pauses = (1...8).map { policy.delay(after: $0, jitter: 0) }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
        #expect(policy.delay(after: 1, jitter: 1) == .milliseconds(500))
        for attempt in [63, 64, 65, 1_000_000] { #expect(policy.delay(after: attempt, jitter: 0) == .seconds(60)) }
    }
}
