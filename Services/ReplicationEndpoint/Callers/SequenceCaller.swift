import Contracts
import ControlStore
import Foundation
import JSON
import Messaging
import Telemetry

/// Runs sequences on a worker and waits for their answers.
struct SequenceCaller: Sendable {
    let requests: RequestClient

    /// Runs the sequence and answers how it ended.
    ///
    /// - Throws: `MessagingError` when no worker answered in time.
    func call(
        _ sequence: String,
        of project: String,
        variables: JSONObject,
        identity: CallerIdentity,
        cause: RunCause,
        timeout: Duration
    ) async throws -> SequenceAnswer {
        let deadline = Date().timeIntervalSince1970 + timeout.seconds
        let call = SequenceCall(
            run: RunID.next(),
            project: project,
            sequence: sequence,
            variables: variables,
            identity: identity,
            cause: cause,
            deadline: Int(deadline * 1_000)
        )
        let trace = TraceContext.current?.makeChild() ?? .makeRoot()
        let reply = try await requests.request(
            OutgoingMessage(
                exchange: ExchangeName.direct,
                routingKey: QueueName.calls,
                body: call.body,
                contentType: "application/json",
                messageID: call.run,
                expiration: timeout,
                headers: [HeaderName.traceparent: .string(trace.traceparent)]
            ),
            timeout: timeout
        )
        return try SequenceAnswer(body: reply.body)
    }
}
