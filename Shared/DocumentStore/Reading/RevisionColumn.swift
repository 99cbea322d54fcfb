import CouchProtocol
import Postgres

extension PostgresRow {
    /// The revision that a column of text names.
    func revision(at column: Int) throws -> RevisionID {
        try withBytes(column) { bytes in
            guard let bytes else { throw BinaryDecodingError("a revision is NULL") }
            return try RevisionID(parsing: bytes)
        }
    }
}
