import ControlStore
import JSON
import Sequences

/// What sequences keep with the session of their caller.
extension RunEffects {
    func session(_ access: SessionAccess, at site: CallSite) async throws -> JSONValue {
        guard let values else {
            if case .get = access { return .null }
            throw SequenceFailure(code: "no_session", message: "the sequence was not called by a session")
        }
        switch access {
        case .get(let name): return try await control.value(name, of: values) ?? .null
        case .remove(let names): try await control.removeValues(names, of: values)
        case .set(let given):
            do {
                try await control.setValues(given, of: values)
            } catch SessionValueError.ended {
                throw SequenceFailure(code: "no_session", message: "the session has ended")
            } catch SessionValueError.tooMuch {
                throw SequenceFailure(
                    code: .limit,
                    message: """
                        a session keeps up to \(ControlStore.sessionValueCount) values of \
                        \(ControlStore.sessionValueBytes) bytes together
                        """
                )
            }
        }
        return .null
    }
}
