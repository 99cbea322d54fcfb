package import Sequences

/// A connection to a back end, or to this system's own documents and users.
package struct Connector: Sendable {
    /// What a connector speaks.
    ///
    /// Each kind is read by a file of its own under `Format`.
    package enum Kind: Sendable {
        case http(HTTPConnector)
        case sql(SQLConnector)
        case ldap(LDAPConnector)
        case amqp(AMQPConnector)
        case smtp(SMTPConnector)
        case fullSync(FullSyncConnector)
        /// The built-in user directory.
        case directory
    }

    package let name: String
    package var description: String?
    package var kind: Kind
    package var position: SourcePosition

    /// The names of the transactions.
    package var transactionNames: [String] {
        switch kind {
        case .http(let connector): connector.transactions.keys.sorted()
        case .sql(let connector): connector.transactions.keys.sorted()
        case .ldap(let connector): connector.transactions.keys.sorted()
        case .amqp(let connector): connector.transactions.keys.sorted()
        case .smtp(let connector): connector.transactions.keys.sorted()
        case .fullSync: FullSyncTransaction.allCases.map(\.rawValue)
        case .directory: DirectoryTransaction.allCases.map(\.rawValue)
        }
    }

    /// The variables of a transaction, or nil when there is none of that name.
    package func variables(ofTransaction name: String) -> [VariableDefinition]? {
        switch kind {
        case .http(let connector): connector.transactions[name]?.variables
        case .sql(let connector): connector.transactions[name]?.variables
        case .ldap(let connector): connector.transactions[name]?.variables
        case .amqp(let connector): connector.transactions[name]?.variables
        case .smtp(let connector): connector.transactions[name]?.variables
        case .fullSync: FullSyncTransaction(rawValue: name)?.variables
        case .directory: DirectoryTransaction(rawValue: name)?.variables
        }
    }

    /// Whether a transaction that the back-end connector carries out may be repeated when nobody knows what became of
    /// it; nil when there is none of that name, or it is this system's own.
    package func isIdempotent(transaction name: String) -> Bool? {
        switch kind {
        case .http(let connector): connector.transactions[name]?.isIdempotent
        case .sql(let connector): connector.transactions[name]?.isIdempotent
        case .ldap(let connector): connector.transactions[name]?.isIdempotent
        case .amqp(let connector): connector.transactions[name]?.isIdempotent
        case .smtp(let connector): connector.transactions[name]?.isIdempotent
        case .fullSync, .directory: nil
        }
    }

    /// How long the back end may take for a transaction that the back-end connector carries out; nil when that is not
    /// known.
    package func timeout(ofTransaction name: String) -> Duration? {
        switch kind {
        case .http(let connector): connector.transactions[name].map { $0.timeout ?? connector.timeout }
        case .sql(let connector): connector.transactions[name].map { $0.timeout ?? connector.timeout }
        case .ldap(let connector): connector.transactions[name].map { $0.timeout ?? connector.timeout }
        case .amqp(let connector): connector.transactions[name].map { $0.timeout ?? connector.timeout }
        case .smtp(let connector): connector.transactions[name].map { $0.timeout ?? connector.timeout }
        case .fullSync, .directory: nil
        }
    }
}

/// Documents of a database of this system, read and written by sequences.
package struct FullSyncConnector: Sendable, Hashable {
    package let database: String
    package let position: SourcePosition
}
