import Contracts
import ControlStore
import DocumentStore
import Foundation
import JSON
import Logging
import Messaging
import Postgres
import Projects
import ScriptHosting
import Sequences
import Telemetry

/// What the sequence of a run does to the world.
struct RunEffects: SequenceEffects {
    let run: ClaimedRun
    let project: Project
    let store: DocumentStore
    let control: ControlStore
    let connectors: ConnectorCaller
    let queries: DocumentQueries
    let broker: MessageBroker
    /// Where the values of the caller's session are; nil for callers without one.
    let values: ValueHolder?
    let passwords: PasswordHasher
    let scripts: RunScripts
    /// The texts of the modules of a project, by its name.
    let modules: @Sendable (String) -> JSONObject
    let logger: Logger

    var now: ContinuousClock.Instant { .now }
    var currentTime: Int { Int((Date().timeIntervalSince1970 * 1_000).rounded()) }

    func evaluate(_ scripts: [Script], scope: JSONObject, at site: CallSite) async throws -> [JSONValue] {
        do {
            let project = site.sequence.project
            return try await self.scripts.evaluate(scripts, of: project, scope: scope, modules: modules(project))
        } catch {
            switch error.kind {
            case .cancelled: throw CancellationError()
            case .unavailable:
                throw SequenceFailure(code: "unavailable", message: "JavaScript cannot be evaluated: \(error.message)")
            case .hostDied, .deadline:
                // Hosts may have been killed or stood still, or the script may be the reason: not to be tried for ever.
                throw SequenceFailure(code: "host_died", message: "JavaScript cannot be evaluated: \(error.message)")
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
            return try await counted(transaction) {
                try await call(transaction.transaction, of: connector, variables: variables, at: site)
            }
        case .directory:
            return try await counted(transaction) { try await callDirectory(transaction.transaction, variables) }
        case .http, .sql, .ldap, .amqp, .smtp:
            guard let isIdempotent = connector.isIdempotent(transaction: transaction.transaction) else {
                throw Self.noTransaction("\(transaction)")
            }
            return try await connectors.call(
                transaction,
                variables: variables,
                isIdempotent: isIdempotent,
                answersWithin: connector.timeout(ofTransaction: transaction.transaction),
                of: run,
                session: sessionName,
                at: site
            )
        }
    }

    private func call(
        _ name: String,
        of connector: FullSyncConnector,
        variables: JSONObject,
        at site: CallSite
    ) async throws -> JSONValue {
        guard let kind = FullSyncTransaction(rawValue: name) else { throw Self.noTransaction(name) }
        guard let definition = project.databases[connector.database] else {
            throw SequenceFailure(code: .notFound, message: "there is no database '\(connector.database)'")
        }
        let documents = FullSyncTransactions(
            run: run,
            store: store,
            control: control,
            queries: queries,
            definition: definition
        )
        return try await documents.call(kind, try kind.variables.bind(variables), at: site)
    }

    private func callDirectory(_ name: String, _ variables: JSONObject) async throws -> JSONValue {
        guard let kind = DirectoryTransaction(rawValue: name) else { throw Self.noTransaction(name) }
        let directory = DirectoryTransactions(run: run, store: store, control: control, hasher: passwords)
        return try await directory.call(kind, try kind.variables.bind(variables))
    }

    /// Carries out a transaction of the worker's own, and counts it as the back-end connectors count theirs.
    private func counted(
        _ transaction: TransactionReference,
        _ work: () async throws -> JSONValue
    ) async throws -> JSONValue {
        let start = ContinuousClock.now
        func count(_ outcome: String) {
            ConnectorMetrics.count(
                connector: transaction.connector,
                of: project.name,
                outcome: outcome,
                since: start
            )
        }
        do {
            let answer = try await work()
            count("answered")
            return answer
        } catch {
            count(Self.outcome(of: error))
            throw error
        }
    }

    private static func outcome(of error: any Error) -> String {
        switch error {
        case let failure as SequenceFailure: failure.code.description
        case is CancellationError, PostgresError.cancelled: "cancelled"
        default: "internal"
        }
    }

    private static func noTransaction(_ name: String) -> SequenceFailure {
        SequenceFailure(code: .notFound, message: "there is no transaction '\(name)'")
    }

    /// What back ends' cookies are kept under; nil for a caller without a session.
    private var sessionName: String? {
        switch values {
        case .session(let id)?, .login(let id)?: id.uuidString
        case nil: nil
        }
    }

    func setAuthenticatedUser(_ user: String, groups: [String]?, at site: CallSite) async throws -> Identity {
        guard !user.isEmpty else {
            throw SequenceFailure(code: .invalidValue, message: "the authenticated user must have a name")
        }
        // Only a login says who a user is; elsewhere the step says whom the sequence works for.
        if run.cause == .login, let groups {
            try await memberships.set(groups: groups, ofLogin: user)
        }
        if let groups { return Identity(user: user, groups: groups) }
        return Identity(user: user, groups: try await store.groups(of: user).sortedTexts)
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
