import Contracts
import ControlStore
import Foundation
import JSON
import Logging
import Messaging
import Postgres
import Projects
import ServiceRuntime
import Telemetry

/// Takes a connector call from the queue, carries it out, answers, and acknowledges last.
///
/// A message may come twice: when a process died with it, or when the broker lost an acknowledgement. An idempotent
/// transaction is simply carried out again. Any other is noted in PostgreSQL before its request is sent, and a second
/// message that finds the note is answered as the first one was, if that did not happen, or else that nobody knows.
/// Whoever is told that nothing has happened asks anew, under another name: so nobody is told unless that is noted, and
/// a second message of the call is not begun. Where it cannot be noted, the call goes to the end of its queue anew,
/// which is no delivery that counts: nothing was begun, and nobody was lost.
struct CallHandler: Sendable {
    let catalogue: ProjectCatalogue
    let control: ControlStore
    let clock: DatabaseClock
    let callers: BackEndCallers
    let broker: MessageBroker
    let waiting: WaitingCalls
    let logger: Logger

    /// Whoever says that it waits for longer is refused; twice as long as callers wait, since clocks may differ.
    private static let longestTime = ConnectorCall.longestTime * 2
    /// How long PostgreSQL is waited for with a call in hand, which takes a place from others.
    private static let patience = Duration.seconds(30)
    /// How long it is where as many calls wait as may.
    private static let impatience = Duration.seconds(2)
    /// Between two questions to PostgreSQL when it does not answer.
    private static let pause = Duration.milliseconds(250)

    func take(_ delivery: consuming Delivery) async {
        let message = delivery.message
        let call: ConnectorCall
        do {
            call = try ConnectorCall(body: message.body)
        } catch {
            await refuse(message, "\(error)")
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
            await refuse(message, "nobody waits for longer than \(days) days", effect: .unknown)
            return delivery.acknowledge()
        }
        let start = ContinuousClock.now
        switch await carryOut(call, within: timeLeft, from: start) {
        case .answered(let outcome):
            count(call, outcome, since: start)
            await answer(message, outcome)
            delivery.acknowledge()
        case .late: delivery.acknowledge()
        case .unnoted:
            // Who takes one later than it is waited for drops it.
            if await putLast(message) { delivery.acknowledge() } else { delivery.giveBack() }
        }
    }

    /// Puts a call at the end of its queue, behind those that can be carried out.
    ///
    /// One that went back would use up its deliveries while PostgreSQL is away, and be taken for what ends connectors.
    /// Should it be in the queue twice, it is still carried out once.
    ///
    /// - Returns: Whether the broker has it there; not when this process stops.
    private func putLast(_ message: IncomingMessage) async -> Bool {
        guard !Task.isCancelled else { return false }
        do throws(MessagingError) {
            try await broker.publish(message.anew(in: QueueName.connectorCalls))
            return true
        } catch {
            logger.warning("A connector call could not be put off", metadata: ["reason": "\(error.code)"])
            return false
        }
    }

    /// What becomes of a call that is carried out.
    private enum Ending {
        case answered(Result<JSONValue, Failure>)
        /// Nothing has happened, and nobody waits for it any more.
        case late
        /// Nothing has happened here, and that cannot be noted at the moment.
        case unnoted
    }

    /// The answer where nothing has happened here, but may yet by another message of the call.
    private static func unnoted(_ call: ConnectorCall, _ reason: String) -> Result<JSONValue, Failure> {
        .failure(
            Failure(
                code: "unavailable",
                message: "\(call.connector).\(call.transaction): what becomes of it cannot be noted: \(reason)",
                effect: .unknown
            )
        )
    }

    /// Tells the caller of a call that is none what is wrong with it, and keeps that for a person to see.
    private func refuse(_ message: IncomingMessage, _ reason: String, effect: Failure.Effect = .none) async {
        logger.warning("A connector call cannot be understood", metadata: ["reason": "\(reason)"])
        await answer(
            message,
            .failure(
                Failure(code: "bad_request", message: "The call cannot be understood: \(reason).", effect: effect)
            )
        )
        do throws(MessagingError) {
            try await RejectedMessages(broker).keepCall(message, reason: reason)
        } catch {
            logger.warning("A connector call that was none could not be kept", metadata: ["reason": "\(error.code)"])
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
        await answer(message, .failure(failure))
    }

    private func carryOut(
        _ call: ConnectorCall,
        within time: Duration,
        from start: ContinuousClock.Instant
    ) async -> Ending {
        let note = Note(
            name: "\(call.idempotencyKey)@\(call.deadline.byCaller)",
            // The same for each message of the call, whoever takes it and whatever this process's clock says.
            end: call.deadline.byDatabase ?? call.deadline.byCaller
        )
        let deadline = start + time
        do {
            switch try await find(call, until: deadline) {
            case .success(let prepared) where prepared.isIdempotent: return .answered(await prepared.run())
            case .success(let prepared): return try await carryOutOnce(note, prepared.title, deadline, prepared.run)
            case .failure(let failure):
                // Another process may find it, as the symbols are set there.
                return try await carryOutOnce(note, "\(call.connector).\(call.transaction)", deadline) {
                    .failure(failure)
                }
            }
        } catch let error as PostgresError where !error.mayPass && !error.isOfEnd {
            // Another connector, or this one later, would fare no better.
            return .answered(Self.unnoted(call, "\(error)"))
        } catch {
            logger.notice(
                "A connector call goes to the end of its queue, as it cannot be noted",
                metadata: ["project": "\(call.project)", "transaction": "\(call.connector).\(call.transaction)"]
            )
            return .unnoted
        }
    }

    /// Under what a call is noted.
    private struct Note {
        /// Only this message has it.
        let name: String
        /// Until when the call is waited for, in milliseconds since 1970; PostgreSQL goes by its own clock.
        let end: Int
    }

    /// Carries out what must not happen twice.
    private func carryOutOnce(
        _ note: Note,
        _ title: String,
        _ deadline: ContinuousClock.Instant,
        _ run: () async -> Result<JSONValue, Failure>
    ) async throws -> Ending {
        let attempt = UUID()
        let beginning = try await patiently(until: deadline) {
            try await control.begin(call: note.name, as: attempt, until: note.end)
        }
        switch beginning {
        case .first: break
        case .late: return .late
        case .refused(let answer):
            if let known = try? ConnectorAnswer(body: answer) { return .answered(known.outcome) }
            fallthrough
        case .before:
            return .answered(
                .failure(
                    Failure(
                        code: "outcome_unknown",
                        message: "\(title): was begun before by a process that did not say what became of it",
                        effect: .unknown
                    )
                )
            )
        }
        let result = await run()
        if case .failure(let failure) = result, failure.effect == .none {
            // Where that cannot be written, a second message is answered that nobody knows.
            try? await control.refuse(call: note.name, with: ConnectorAnswer(result).body)
        }
        return .answered(result)
    }

    /// Asks PostgreSQL, which may be away, for a while.
    private func patiently<Value>(
        until deadline: ContinuousClock.Instant,
        _ ask: () async throws -> Value
    ) async throws -> Value {
        do {
            return try await ask()
        } catch let error as PostgresError where error.mayPass {
            // Asked again below.
        }
        let hasPlace = waiting.enter()
        defer { if hasPlace { waiting.leave() } }
        let end = min(deadline, .now + (hasPlace ? Self.patience : Self.impatience))
        while true {
            try await Task.sleep(for: Self.pause)
            do {
                return try await ask()
            } catch let error as PostgresError where error.mayPass && ContinuousClock.now + Self.pause < end {
                continue
            }
        }
    }

    /// The transaction that a call is for, or why there is none.
    ///
    /// - Throws: What PostgreSQL says that may pass, and the end of this process.
    private func find(
        _ call: ConnectorCall,
        until deadline: ContinuousClock.Instant
    ) async throws -> Result<PreparedCall, Failure> {
        let project: Project?
        do {
            project = try await patiently(until: deadline) {
                try await catalogue.project(call.project, version: call.version)
            }
        } catch let error as PostgresError where error.mayPass || error.isOfEnd {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            // Another process may know the project, or this one when its symbols are set.
            return .failure(
                Failure(code: "unavailable", message: "The deployed projects cannot be read: \(error).")
            )
        }
        guard let project else {
            return .failure(
                Failure(
                    code: "not_found",
                    message: "The back-end connector has no version \(call.version) of the project '\(call.project)'."
                )
            )
        }
        guard let connector = project.connectors[call.connector],
            let prepared = callers.prepare(call, of: connector, until: deadline)
        else {
            return .failure(
                Failure(
                    code: "not_found",
                    message: "There is no transaction '\(call.connector).\(call.transaction)' of a back end."
                )
            )
        }
        return .success(prepared)
    }

    private func answer(_ message: IncomingMessage, _ outcome: Result<JSONValue, Failure>) async {
        do throws(MessagingError) {
            do throws(MessagingError) {
                try await broker.reply(
                    to: message,
                    body: ConnectorAnswer(outcome).body,
                    contentType: "application/json"
                )
            } catch .invalidMessage {
                let failure = Failure(
                    code: ExchangeFailure.responseTooLarge(limit: 0).code,
                    message: "The back end's answer is larger than a message may be.",
                    effect: .unknown
                )
                try await broker.reply(
                    to: message,
                    body: ConnectorAnswer(.failure(failure)).body,
                    contentType: "application/json"
                )
            }
        } catch {
            logger.info("The answer of a connector call reached nobody", metadata: ["reason": "\(error.code)"])
        }
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

extension PostgresError {
    /// Whether it comes of this process's own end.
    fileprivate var isOfEnd: Bool { self == .cancelled || self == .closed }
}
