/// How a transaction is kept apart from others.
///
/// Source: <https://www.postgresql.org/docs/current/transaction-iso.html>
package enum PostgresIsolation: String, Sendable {
    case readCommitted = "READ COMMITTED"
    case repeatableRead = "REPEATABLE READ"
    case serializable = "SERIALIZABLE"
    /// One snapshot for all statements, none of which may write.
    case snapshot = "REPEATABLE READ, READ ONLY"
}
