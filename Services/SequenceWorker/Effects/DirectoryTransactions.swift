import Contracts
import ControlStore
import DocumentStore
import JSON
import Projects
import Sequences

/// The transactions of a directory connector: the built-in user directory, asked by a login sequence.
struct DirectoryTransactions: Sendable {
    let run: ClaimedRun
    let store: DocumentStore
    let control: ControlStore
    let hasher: PasswordHasher

    /// Carries out a transaction whose variables have been checked.
    func call(_ transaction: DirectoryTransaction, _ variables: JSONObject) async throws -> JSONValue {
        // Logins are counted and slowed down by the endpoint; a sequence that anybody calls would be a way around that.
        guard run.cause == .login else {
            throw SequenceFailure(code: "forbidden", message: "the user directory is for login sequences only")
        }
        switch transaction {
        case .authenticate: return try await authenticate(variables)
        }
    }

    private func authenticate(_ variables: JSONObject) async throws -> JSONValue {
        let name = variables["user"]?.stringValue ?? ""
        let password = variables["password"]?.stringValue ?? ""
        let known = try await control.directoryUser(name)
        do {
            guard try await hasher.matches(password, known?.password) else {
                return ["authenticated": false, "groups": []]
            }
        } catch is PasswordHasherIsBusy {
            throw SequenceFailure(code: "unavailable", message: "too many passwords are being checked")
        }
        let groups = try await store.groups(of: name).sortedTexts
        return ["authenticated": true, "groups": .array(groups.map(JSONValue.string))]
    }
}
