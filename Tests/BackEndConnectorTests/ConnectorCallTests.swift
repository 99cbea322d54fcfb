import Contracts
import JSON
import Testing

/// How long a call may take, by a deadline that anybody may have written.
@Suite struct ConnectorCallTests {
    @Test(
        arguments: [
            (1_500, 1_000, .milliseconds(500)), (1_000, 1_000, nil), (.min, 1_000, nil), (-1, 0, nil),
            (.max, 1_000, .milliseconds(Int.max - 1_000)), (.max, 0, .milliseconds(Int.max)), (.max, -1, nil),
        ] as [(Int, Int, Duration?)]
    )
    func `a deadline is any number`(deadline: Int, now: Int, left: Duration?) {
        let call = ConnectorCall(
            project: "p",
            version: 1,
            connector: "c",
            transaction: "t",
            variables: [:],
            idempotencyKey: "k",
            deadline: deadline
        )
        #expect(call.timeLeft(at: now) == left)
    }

    @Test func `a message holds values that are as deep as they were allowed to be`() throws {
        let deep = (0..<900).reduce(JSONValue.null) { value, _ in .array([value]) }
        let answer = ConnectorAnswer(.success(deep))
        #expect(try ConnectorAnswer(body: answer.body) == answer)
    }
}
