import Contracts
import JSON
import Projects

/// A transaction of a connector, with what it is asked for with.
struct BackEndCall<Connector: CallableConnector, Transaction: CallableTransaction>: Sendable {
    let name: ConnectorName
    let connector: Connector
    let transaction: Transaction
    let variables: JSONObject
    /// The same for every attempt at the same step of the same run.
    let idempotencyKey: String
    /// What cookies are kept under: the caller's session, or the run; nil when nobody said.
    var session: String?
    let deadline: ContinuousClock.Instant

    /// How the transaction is named in errors.
    var title: String { "\(name.connector).\(transaction.name)" }
}

/// What every kind of connector says.
protocol CallableConnector: Sendable {
    /// How long a transaction may take that says nothing of its own.
    var timeout: Duration { get }
    /// How many transactions may be under way at once.
    var concurrency: Int { get }
}

/// What every kind of transaction says.
protocol CallableTransaction: Sendable {
    var name: String { get }
    var timeout: Duration? { get }
    /// Whether it may be repeated when nobody knows what became of it.
    var isIdempotent: Bool { get }
}

extension HTTPConnector: CallableConnector {}
extension HTTPTransaction: CallableTransaction {}
extension SQLConnector: CallableConnector {}
extension SQLTransaction: CallableTransaction {}
extension LDAPConnector: CallableConnector {}
extension LDAPTransaction: CallableTransaction {}
extension AMQPConnector: CallableConnector {}
extension AMQPTransaction: CallableTransaction {}
extension SMTPConnector: CallableConnector {}
extension SMTPTransaction: CallableTransaction {}

/// A call that is ready to be carried out, whatever its kind.
struct PreparedCall: Sendable {
    let title: String
    let isIdempotent: Bool
    let run: @Sendable () async -> Result<JSONValue, Failure>
}
