import Contracts
import ControlStore
import JSON
import Messaging
import Postgres
import Sequences

/// An effect of a run of which nobody knows whether it happened: the run stops for a person to decide.
///
/// Not a `SequenceFailure`, so no `catch` of the sequence goes on over it.
struct UncertainEffect: Error {
    let failure: Failure

    init(failure: Failure) {
        self.failure = failure
    }

    /// That of a step, which the failure names as any other does.
    init(_ failure: Failure, at site: CallSite) {
        var located = Failure(
            SequenceFailure(
                code: SequenceFailure.Code(failure.code),
                message: failure.message,
                details: failure.details,
                location: SequenceFailure.Location(
                    sequence: "\(site.sequence.project)/\(site.sequence.name)",
                    path: site.path,
                    position: site.position
                )
            )
        )
        located.effect = failure.effect
        self.failure = located
    }
}

extension Failure {
    /// The failure of a sequence, with the step and the line at which it happened.
    init(_ failure: SequenceFailure) {
        var details = failure.json.objectValue ?? [:]
        details["code"] = nil
        details["message"] = nil
        self.init(code: failure.code.description, message: failure.message, details: .object(details))
    }

    /// What failed in this system itself, of which the log tells more.
    static func system(_ error: any Error) -> Failure {
        let code =
            switch error {
            case let error as PostgresError: error.runFailure
            case is MessagingError, is UnreadableProject: "unavailable"
            default: "system"
            }
        return Failure(code: code, message: "\(error)")
    }
}

extension PostgresError {
    /// The code of the failure of a run, which says how long it is tried again: what PostgreSQL refuses or cannot do
    /// with is most often the run's own.
    fileprivate var runFailure: String {
        switch self {
        case .timedOut(.statement): "timeout"
        case .commitOutcomeUnknown, .cancelled, .closed: "unavailable"
        case .server(let error) where error.sqlState == .queryCanceled: "timeout"
        case .server(let error): isRetryable || error.sqlState.isOfServer ? "unavailable" : "system"
        default: isUnavailable ? "unavailable" : "system"
        }
    }
}

extension SQLState {
    /// Whether it is the state of the server that does not allow it now: read only after a fail-over (25), locked (55),
    /// out of disk, memory or connections (53), shutting down (57), or its files cannot be read (58).
    fileprivate var isOfServer: Bool { ["25", "53", "55", "57", "58"].contains(classCode) }
}
