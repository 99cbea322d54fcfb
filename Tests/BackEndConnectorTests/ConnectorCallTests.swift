import Contracts
import JSON
import Testing

/// How long a call may take, by a deadline that anybody may have written.
@Suite struct ConnectorCallTests {
    private func call(_ deadline: CallDeadline) -> ConnectorCall {
        ConnectorCall(
            project: "p",
            version: 1,
            connector: "c",
            transaction: "t",
            variables: [:],
            idempotencyKey: "k",
            deadline: deadline
        )
    }

    @Test(
        arguments: [
            (1_500, 1_000, .milliseconds(500)), (1_000, 1_000, nil), (.min, 1_000, nil), (-1, 0, nil),
            (.max, 1_000, .milliseconds(Int.max - 1_000)), (.max, 0, .milliseconds(Int.max)), (.max, -1, nil),
        ] as [(Int, Int, Duration?)]
    )
    func `a deadline is any number, by PostgreSQL's clock or by the caller's`(
        deadline: Int,
        now: Int,
        left: Duration?
    ) throws {
        for (call, database, machine) in [
            (call(CallDeadline(byCaller: deadline)), 7, now), (call(CallDeadline(byDatabase: deadline)), now, 7),
            // PostgreSQL's is what counts where it is said.
            (call(CallDeadline(byDatabase: deadline, byCaller: 1)), now, 7),
        ] {
            let message = try ConnectorCall(body: call.body)
            #expect(message == call)
            #expect(message.deadline.timeLeft(database: database, machine: machine) == left)
        }
    }

    @Test func `a call of a connector says until when it is waited for, in one way at least`() throws {
        var fields = call(CallDeadline(byDatabase: 5, byCaller: 6)).fields
        func deadline() throws -> CallDeadline { try ConnectorCall(MessageFields(fields)).deadline }
        #expect(try deadline() == CallDeadline(byDatabase: 5, byCaller: 6))
        fields["deadline"] = nil
        #expect(try deadline() == CallDeadline(byDatabase: 5))
        fields["until"] = "soon"
        #expect(throws: MessageError("'until' is no whole number")) { try deadline() }
        fields["until"] = nil
        #expect(throws: MessageError("'deadline' is no whole number")) { try deadline() }
    }

    @Test func `a message holds values that are as deep as they were allowed to be`() throws {
        let deep = (0..<900).reduce(JSONValue.null) { value, _ in .array([value]) }
        let answer = ConnectorAnswer(.success(deep))
        #expect(try ConnectorAnswer(body: answer.body) == answer)
    }
}
