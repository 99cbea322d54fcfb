package import JSON
package import Sequences

/// A database that is spoken to in SQL.
package struct SQLConnector: Sendable {
    /// Which database it is; the first is reached through libpq, the others through ODBC.
    package enum Engine: String, Sendable, Hashable, CaseIterable {
        case postgresql
        case mariadb
        case mysql
        case sqlserver
        case oracle
        case sqlite
    }

    /// How far a transaction of several statements is kept from the others.
    package enum Isolation: String, Sendable, Hashable, CaseIterable {
        case readCommitted
        case repeatableRead
        case serializable
    }

    package var engine: Engine
    package var place: SQLPlace
    /// The driver's name in `odbcinst.ini`; nil is the one that the engine's driver is installed by.
    package var driver: String?
    package var timeout: Duration
    /// How many rows one transaction answers at most.
    package var rowLimit: Int
    /// How many bytes of values one transaction answers at most.
    package var responseLimit: Int
    /// How many transactions may be under way at once, and so how many connections there are, per process.
    package var concurrency: Int
    package var addresses: AddressRules
    package var transactions: [String: SQLTransaction]

    package static let defaultTimeout = Duration.seconds(30)
    package static let longestTimeout = Duration.seconds(600)
    package static let defaultRowLimit = 10_000
    package static let largestRowLimit = 1_000_000
    package static let defaultResponseLimit = 8 << 20
    package static let largestResponseLimit = 64 << 20
    package static let defaultConcurrency = 8
}

/// Where a database is.
///
/// Its descriptions show no password.
package enum SQLPlace: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    case server(SQLServerPlace)
    /// A file of SQLite, relative to the folder that the back-end connector allows.
    case file(String)

    package var description: String {
        switch self {
        case .server(let server): "\(server.host):\(server.port)"
        case .file(let path): path
        }
    }

    package var customMirror: Mirror { Mirror(self, children: ["place": description]) }
}

/// A server's address, and who connects.
package struct SQLServerPlace: Sendable, Hashable {
    package var host: String
    package var port: Int
    /// The database's name; for Oracle the service's.
    package var database: String
    package var user: String
    package var password: String
    package var security: ConnectionSecurity
}

/// How a connection is kept from others' eyes.
package struct ConnectionSecurity: Sendable, Hashable {
    package enum Mode: String, Sendable, Hashable, CaseIterable {
        /// In the clear.
        case none
        /// Encrypted, whoever the server is.
        case encrypt
        /// Encrypted, with a server that proves its name.
        case verify
    }

    package var mode: Mode
    /// The authorities that may vouch for the server, as PEM; nil for those of the system.
    package var certificateAuthority: String?
}

/// One or several statements that a connector can run.
package struct SQLTransaction: Sendable {
    package let name: String
    package var description: String?
    package var statements: [SQLText]
    /// Whether it was written as a list, and is answered as one.
    package var isList: Bool
    package var isolation: SQLConnector.Isolation?
    package var variables: [VariableDefinition]
    /// Whether it may be repeated when nobody knows what became of it.
    package var isIdempotent: Bool
    package var timeout: Duration?
    package var position: SourcePosition

    /// The statements with their values, in order.
    ///
    /// Throws `invalid_variable` and `invalid_value`, which show no value.
    package func bind(
        _ given: JSONObject,
        as style: SQLText.Style
    ) throws(SequenceFailure) -> [BoundSQL] {
        let values = try variables.bind(given)
        let multiple = Set(variables.filter(\.isMulti).map(\.name))
        var result: [BoundSQL] = []
        for statement in statements {
            result.append(try statement.bound(to: values, multiple: multiple, as: style))
        }
        return result
    }
    /// Whether nothing has happened when the database refuses a statement of it.
    ///
    /// A list is rolled back, and a change of rows is undone by the database itself. But what commits on its own
    /// account stays: a procedure, a block, and on most engines every definition of a table.
    package func isUndoneWhenRefused(by engine: SQLConnector.Engine) -> Bool {
        switch engine {
        case .postgresql where isList, .sqlite where isList:
            // Definitions are part of the transaction there, and a procedure cannot end it.
            !statements.contains { ["COMMIT", "END", "ROLLBACK", "ABORT", "PREPARE"].contains($0.verb) }
        case .sqlserver:
            // A text may have several statements, one behind the other.
            isList && statements.allSatisfy { $0.isAboutRows && !$0.holds("COMMIT") && !$0.holds("EXEC") }
        case .postgresql, .sqlite, .mariadb, .mysql, .oracle: statements.allSatisfy(\.isAboutRows)
        }
    }
}
