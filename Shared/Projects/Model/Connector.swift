package import Sequences

/// A connection to a back end, or to this system's own documents and users.
package struct Connector: Sendable {
    /// What a connector speaks.
    ///
    /// Each kind is read by a file of its own under `Format`.
    package enum Kind: Sendable {
        case http(HTTPConnector)
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
        case .fullSync: FullSyncTransaction.allCases.map(\.rawValue)
        case .directory: DirectoryTransaction.allCases.map(\.rawValue)
        }
    }

    /// The variables of a transaction, or nil when there is none of that name.
    package func variables(ofTransaction name: String) -> [VariableDefinition]? {
        switch kind {
        case .http(let connector): connector.transactions[name]?.variables
        case .fullSync: FullSyncTransaction(rawValue: name)?.variables
        case .directory: DirectoryTransaction(rawValue: name)?.variables
        }
    }
}

/// Documents of a database of this system, read and written by sequences.
package struct FullSyncConnector: Sendable, Hashable {
    package let database: String
    package let position: SourcePosition
}
