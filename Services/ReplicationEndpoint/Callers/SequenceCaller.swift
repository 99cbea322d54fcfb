import Contracts
import ControlStore
import JSON
import Messaging
import Telemetry

/// Runs sequences on a worker and waits for their answers.
struct SequenceCaller: Sendable {
    let requests: RequestClient
    let clock: DatabaseClock

    /// Runs the sequence and answers how it ended.
    ///
    /// - Parameters:
    ///   - run: The id of the run that is made.
    ///   - request: What the sequence may know of the HTTP request.
    /// - Throws: `MessagingError` when no worker answered in time.
    func call(
        _ sequence: String,
        of project: String,
        variables: JSONObject,
        identity: CallerIdentity,
        cause: RunCause,
        run: String = RunID.next(),
        request: JSONObject = [:],
        timeout: Duration
    ) async throws -> SequenceAnswer {
        let call = SequenceCall(
            run: run,
            project: project,
            sequence: sequence,
            variables: variables,
            identity: identity,
            cause: cause,
            request: request,
            deadline: clock.deadline(in: timeout)
        )
        let trace = TraceContext.current?.makeChild() ?? .makeRoot()
        let reply = try await requests.request(
            OutgoingMessage(
                exchange: ExchangeName.direct,
                routingKey: cause == .login ? QueueName.logins : QueueName.calls,
                body: call.body,
                contentType: "application/json",
                messageID: call.run,
                headers: [HeaderName.traceparent: .string(trace.traceparent)]
            ),
            timeout: timeout,
            // A password is not to lie in the dead-letter queue.
            expires: false
        )
        return try SequenceAnswer(body: reply.body)
    }
}
