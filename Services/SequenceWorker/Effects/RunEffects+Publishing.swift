import Contracts
import ControlStore
import JSON
import Messaging
import Postgres
import Sequences
import Telemetry

/// Messages that sequences publish.
extension RunEffects {
    func publish(_ message: PublishedMessage, at site: CallSite) async throws {
        let step = site.path.key
        if run.isRepeated, case .answered = try await control.effect(of: run, step: step) { return }
        let trace = TraceContext.current?.makeChild() ?? .makeRoot()
        var headers = message.headers.mapValues(HeaderValue.string)
        headers[HeaderName.traceparent] = .string(trace.traceparent)
        let outgoing = OutgoingMessage(
            exchange: message.exchange,
            routingKey: message.routingKey,
            body: message.content.stringValue.map { Array($0.utf8) } ?? message.content.bytes,
            contentType: message.content.stringValue == nil ? "application/json" : "text/plain; charset=utf-8",
            messageID: OutgoingMessage.messageID("\(run.id)/\(step)"),
            headers: headers,
            isMandatory: message.isMandatory
        )
        do throws(MessagingError) {
            try await broker.publish(outgoing)
        } catch {
            if error == .cancelled { throw CancellationError() }
            throw SequenceFailure(
                code: Self.code(of: error),
                message: "\(error)",
                details: ["exchange": .string(message.exchange)]
            )
        }
        let recorded = try await control.client.execute(control.record(true, of: run, step: step))
        guard recorded == 1 else { throw ClaimLost(run) }
    }

    private static func code(of error: MessagingError) -> SequenceFailure.Code {
        switch error {
        case .invalidMessage: .invalidValue
        case .unroutable: "unroutable"
        // There is no such exchange, or this system may not write to it.
        case .channelClosed: .notFound
        case .timedOut: .timeout
        default: "unavailable"
        }
    }
}
