import Contracts
import ControlStore
import Foundation
import JSON
import Logging
import Postgres
import Projects
import ServiceRuntime

/// Finds the transaction that a call is for and carries it out, once where it must not happen twice.
///
/// An idempotent transaction is simply carried out again when its message comes again. Any other is noted in PostgreSQL
/// before its request is sent, and a second message that finds the note is answered as the first one was, if that did
/// not happen, or else that nobody knows. Whoever is told that nothing has happened asks anew, under another name: so
/// nobody is told unless that is noted, and a second message of the call is not begun.
struct CallExecution: Sendable {
    let catalogue: ProjectCatalogue
    let control: ControlStore
    let callers: BackEndCallers
    let waiting: WaitingCalls
    let logger: Logger

    /// How long PostgreSQL is waited for with a call in hand, which takes a place from others.
    private static let patience = Duration.seconds(30)
    /// How long it is where as many calls wait as may.
    private static let impatience = Duration.seconds(2)
    /// Between two questions to PostgreSQL when it does not answer.
    private static let pause = Duration.milliseconds(250)

    /// What becomes of a call that is carried out.
    enum Ending {
        case answered(Result<JSONValue, Failure>)
        /// Nothing has happened, and nobody waits for it any more.
        case late
        /// Nothing has happened here, and that cannot be noted at the moment.
        case unnoted
    }

    /// Carries a call out that is waited for until then.
    func carryOut(_ call: ConnectorCall, until deadline: ContinuousClock.Instant) async -> Ending {
        let note = Note(
            name: "\(call.idempotencyKey)@\(call.deadline.byCaller)",
            // The same for each message of the call, whoever takes it and whatever this process's clock says.
            end: call.deadline.byDatabase ?? call.deadline.byCaller
        )
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
}

extension PostgresError {
    /// Whether it comes of this process's own end.
    fileprivate var isOfEnd: Bool { self == .cancelled || self == .closed }
}
