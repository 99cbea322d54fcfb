import Contracts
import JSON
import Messaging
import Postgres
import Sequences

/// An effect of a run of which nobody knows whether it happened: the run stops for a person to decide.
///
/// Not a `SequenceFailure`, so no `catch` of the sequence goes on over it.
struct UncertainEffect: Error {
    let failure: Failure
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
        let isServer = error is PostgresError || error is MessagingError
        return Failure(code: isServer ? "unavailable" : "system", message: "\(error)")
    }
}
