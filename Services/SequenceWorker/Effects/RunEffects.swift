import Contracts
import ControlStore
import DocumentStore
import JSON
import Logging
import Projects
import ScriptHosting
import Sequences

/// What the sequence of a run does to the world.
struct RunEffects: SequenceEffects {
    let run: ClaimedRun
    let project: Project
    let store: DocumentStore
    let control: ControlStore
    let connectors: ConnectorCaller
    let passwords: PasswordHasher
    let scripts: RunScripts
    let logger: Logger

    var now: ContinuousClock.Instant { .now }

    func evaluate(_ scripts: [Script], scope: JSONObject, at site: CallSite) async throws -> [JSONValue] {
        do {
            return try await self.scripts.evaluate(scripts, scope: scope)
        } catch {
            switch error.kind {
            case .cancelled: throw CancellationError()
            case .unavailable, .hostDied:
                throw SequenceFailure(code: "unavailable", message: "JavaScript cannot be evaluated: \(error.message)")
            default: throw SequenceFailure(code: .script, message: "\(error)")
            }
        }
    }

    func callTransaction(
        _ transaction: TransactionReference,
        variables: JSONObject,
        at site: CallSite
    ) async throws -> JSONValue {
        guard let connector = project.connectors[transaction.connector] else {
            throw SequenceFailure(code: .notFound, message: "there is no connector '\(transaction.connector)'")
        }
        switch connector.kind {
        case .fullSync(let connector):
            guard let kind = FullSyncTransaction(rawValue: transaction.transaction) else {
                throw SequenceFailure(code: .notFound, message: "there is no transaction '\(transaction)'")
            }
            let documents = FullSyncTransactions(run: run, store: store, control: control, database: connector.database)
            return try await documents.call(kind, try kind.variables.bind(variables), at: site)
        case .directory:
            guard let kind = DirectoryTransaction(rawValue: transaction.transaction) else {
                throw SequenceFailure(code: .notFound, message: "there is no transaction '\(transaction)'")
            }
            let directory = DirectoryTransactions(run: run, store: store, control: control, hasher: passwords)
            return try await directory.call(kind, try kind.variables.bind(variables))
        case .http(let connector):
            guard let definition = connector.transactions[transaction.transaction] else {
                throw SequenceFailure(code: .notFound, message: "there is no transaction '\(transaction)'")
            }
            return try await connectors.call(
                transaction,
                variables: variables,
                isIdempotent: definition.isIdempotent,
                of: run,
                at: site
            )
        }
    }

    func setAuthenticatedUser(_ user: String, groups: [String]?, at site: CallSite) async throws -> Identity {
        guard !user.isEmpty else {
            throw SequenceFailure(code: .invalidValue, message: "the authenticated user must have a name")
        }
        // Only a login says who a user is; elsewhere the step says whom the sequence works for.
        if run.cause == .login, let groups {
            let areOthers = try await store.setGroups(Set(groups), of: user, by: .login)
            if areOthers { try await control.advanceAccessEpoch() }
        }
        if let groups { return Identity(user: user, groups: groups) }
        return Identity(user: user, groups: try await store.groups(of: user).sorted())
    }

    func removeAuthenticatedUser(at site: CallSite) async throws {}

    func log(_ level: SequenceLogLevel, _ message: JSONValue, at site: CallSite) async {
        let metadata: Logger.Metadata = ["step": "\(site.path)", "text": "\(message.stringValue ?? message.text)"]
        switch level {
        case .debug: logger.debug("Logged by the sequence", metadata: metadata)
        case .info: logger.info("Logged by the sequence", metadata: metadata)
        case .warning: logger.warning("Logged by the sequence", metadata: metadata)
        case .error: logger.error("Logged by the sequence", metadata: metadata)
        }
    }

    func sleep(for duration: Duration, at site: CallSite) async throws {
        try await Task.sleep(for: duration)
    }
}
