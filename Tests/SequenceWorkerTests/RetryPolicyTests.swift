import Contracts
import ControlStore
import JSON
import Testing

@testable import Postgres
@testable import SequenceWorker

@Suite struct RetryPolicyTests {
    private let policy = RetryPolicy(attempts: 5, greatestDelay: .seconds(60))

    private func end(
        _ code: String,
        _ details: JSONValue = .null,
        attempt: Int,
        uncounted: Int = 0,
        holding: Bool = true
    ) -> RunEnd {
        policy.end(
            after: Failure(code: code, message: "", details: details),
            attempt: attempt,
            uncounted: uncounted,
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
        "connect_failed", "circuit_open", "busy", "connector_unavailable", "unavailable", "stopped",
    ])
    func `whoever is away is waited for as long as it takes`(code: String) {
        #expect(isRetry(end(code, attempt: 1_000_000)))
    }

    @Test func `an outage uses up nothing of what a run may fail by itself`() {
        guard case .retry(_, _, isCounted: false) = end("connect_failed", attempt: 700, uncounted: 699) else {
            Issue.record("the attempt is counted")
            return
        }
        for own in 1...4 {
            guard case .retry(_, let pause, isCounted: true) = end("boom", attempt: 700 + own, uncounted: 700) else {
                Issue.record("attempt \(own) is the last")
                return
            }
            #expect(pause == policy.delay(after: own, jitter: 0))
        }
        #expect(!isRetry(end("boom", attempt: 705, uncounted: 700)))
    }

    @Test(arguments: ["connection_lost", "timeout", "not_json", "no_answer"])
    func `a back end that is not well is waited for for days, as it may be what the run asks`(code: String) {
        #expect(isRetry(end(code, attempt: policy.patience - 1)))
        #expect(!isRetry(end(code, attempt: policy.patience)))
    }

    @Test(
        arguments: [
            (503, nil), (504, nil), (429, nil), (408, nil), (500, 2_000), (501, 2_000), (401, 2_000), (400, 5),
            (403, 5), (404, 5), (422, 5),
        ] as [(Int, Int?)]
    )
    func `the status says whether a back end is away, not well, or refuses`(status: Int, last: Int?) {
        let answer: JSONValue = ["status": .number(JSONNumber(status))]
        // As the connector says it, and as the sequence's failure passes it on.
        for details in [answer, ["details": answer, "step": "1"]] {
            #expect(isRetry(end("http_status", details, attempt: (last ?? 1_000_000) - 1)))
            if let last { #expect(!isRetry(end("http_status", details, attempt: last))) }
        }
    }

    @Test(arguments: [
        (PostgresError.connectionLost(""), "unavailable"), (.timedOut(.acquire), "unavailable"),
        (.commitOutcomeUnknown(""), "unavailable"), (.refusal("40001"), "unavailable"),
        (.refusal("53100"), "unavailable"),
        (.timedOut(.statement), "timeout"), (.refusal("57014"), "timeout"),
        (.refusal("22021"), "system"), (.refusal("54000"), "system"), (.limitExceeded(""), "system"),
    ])
    func `of PostgreSQL's errors those are waited for that are not the run's own`(error: PostgresError, code: String) {
        #expect(Failure.system(error).code == code)
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

extension PostgresError {
    fileprivate static func refusal(_ state: String) -> PostgresError {
        .server(
            PostgresServerError(
                sqlState: SQLState(rawValue: state),
                message: "",
                detail: nil,
                hint: nil,
                schema: nil,
                table: nil,
                column: nil,
                constraint: nil,
                isFatal: false,
                position: nil
            )
        )
    }
}
