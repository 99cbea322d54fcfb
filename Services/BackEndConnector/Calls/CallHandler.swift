import Contracts
import ControlStore
import Foundation
import JSON
import Logging
import Messaging
import ServiceRuntime
import Telemetry

/// Takes a connector call from the queue, has it carried out, answers, and acknowledges last.
///
/// A message may come twice: when a process died with it, or when the broker lost an acknowledgement; ``CallExecution``
/// sees to what must not happen twice. A call that cannot be noted goes to the end of its queue anew, which is no
/// delivery that counts: nothing was begun, and nobody was lost.
struct CallHandler: Sendable {
    let execution: CallExecution
    let replies: CallReplies
    let clock: DatabaseClock
    let logger: Logger

    /// Whoever says that it waits for longer is refused; twice as long as callers wait, since clocks may differ.
    private static let longestTime = ConnectorCall.longestTime * 2

    func take(_ delivery: consuming Delivery) async {
        let message = delivery.message
        let call: ConnectorCall
        do {
            call = try ConnectorCall(body: message.body)
        } catch {
            await replies.refuse(message, "\(error)")
            return delivery.acknowledge()
        }
        // Whoever asked has gone; that is for this side to see, since what expires is kept with all that it holds.
        guard let timeLeft = clock.timeLeft(to: call.deadline) else { return delivery.acknowledge() }
        guard message.callDeliveries < Topology.callDeliveries else {
            await setAside(call, message)
            return delivery.acknowledge()
        }
        guard timeLeft <= Self.longestTime else {
            // That is not noted: another message of the call may be taken when that time has come near.
            let days = Int(Self.longestTime / .seconds(86_400))
            await replies.refuse(message, "nobody waits for longer than \(days) days", effect: .unknown)
            return delivery.acknowledge()
        }
        let start = ContinuousClock.now
        switch await execution.carryOut(call, until: start + timeLeft) {
        case .answered(let outcome):
            count(call, outcome, since: start)
            await replies.answer(message, outcome)
            delivery.acknowledge()
        case .late: delivery.acknowledge()
        case .unnoted:
            // Who takes one later than it is waited for drops it.
            if await replies.putLast(message) { delivery.acknowledge() } else { delivery.giveBack() }
        }
    }

    /// Ends a call that may be what ends the connectors that take it.
    private func setAside(_ call: ConnectorCall, _ message: IncomingMessage) async {
        logger.error(
            "A connector call is set aside that was delivered too often",
            metadata: ["project": "\(call.project)", "transaction": "\(call.connector).\(call.transaction)"]
        )
        let failure = Failure(
            code: "connector_lost",
            message: "\(message.callDeliveries) back-end connectors were lost with the call in hand.",
            effect: .unknown
        )
        await replies.answer(message, .failure(failure))
    }

    private func count(
        _ call: ConnectorCall,
        _ outcome: Result<JSONValue, Failure>,
        since start: ContinuousClock.Instant
    ) {
        var code = "answered"
        if case .failure(let failure) = outcome {
            code = failure.code
            logger.notice(
                "A transaction failed",
                metadata: [
                    "project": "\(call.project)", "transaction": "\(call.connector).\(call.transaction)",
                    "code": "\(failure.code)", "reason": "\(failure.message)", "effect": "\(failure.effect.rawValue)",
                ]
            )
        }
        ConnectorMetrics.count(connector: call.connector, of: call.project, outcome: code, since: start)
    }
}
