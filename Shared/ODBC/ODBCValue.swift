/// A value that goes to a database as a parameter.
package enum ODBCParameter: Hashable, Sendable {
    case null
    case integer(Int64)
    case double(Double)
    /// A decimal number as its text, like `-12.50`.
    case decimal(String)
    case text(String)
}

/// A value that came from a database.
package enum ODBCValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// A whole or decimal number as the database wrote it.
    case number(String)
    case double(Double)
    case text(String)
    case binary([UInt8])
}

/// What one statement gave: rows, or the number of rows that it changed.
package struct ODBCResult: Hashable, Sendable {
    /// The columns' names; none when the statement gives no rows.
    package var columns: [String]
    package var rows: [[ODBCValue]]
    /// How many rows were changed; nil when the database does not say.
    package var affected: Int?
}

/// A statement with its parameters, in the order of its question marks.
package struct ODBCStatement: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    package let sql: String
    package let parameters: [ODBCParameter]

    package init(_ sql: String, _ parameters: [ODBCParameter] = []) {
        self.sql = sql
        self.parameters = parameters
    }

    /// The text without the parameters.
    package var description: String { sql }

    package var customMirror: Mirror { Mirror(self, children: ["sql": sql]) }
}

/// How far a transaction is kept from the others.
package enum ODBCIsolation: Hashable, Sendable {
    /// The database's own standard.
    case standard
    case readCommitted
    case repeatableRead
    case serializable
}

/// Statements that are run one after the other on one connection.
package struct ODBCBatch: Hashable, Sendable {
    package var statements: [ODBCStatement]
    /// What sets the session up before them; its results count for nothing.
    package var preparation: [String] = []
    /// How they are one transaction; nil when each stands for itself.
    package var transaction: ODBCIsolation?
    package var limits: ODBCLimits

    package init(_ statements: [ODBCStatement], transaction: ODBCIsolation? = nil, limits: ODBCLimits) {
        self.statements = statements
        self.transaction = transaction
        self.limits = limits
    }
}
