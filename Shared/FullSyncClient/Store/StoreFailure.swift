import CouchProtocol
import GRDB

/// What SQLite says, in the words of the house.
enum StoreFailure {
    /// Carries out something with SQLite.
    static func translating<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as DatabaseError {
            throw translated(error)
        }
    }

    /// A disk that is full, or a file that is locked, may pass; what else fails does not.
    static func translated(_ error: DatabaseError) -> CouchError {
        switch error.resultCode {
        case .SQLITE_FULL: .insufficientStorage("The device's storage is full.")
        case .SQLITE_BUSY, .SQLITE_LOCKED: .unavailable("The device's database is in use.")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            CouchError(status: 412, error: "corrupt", reason: "The device's database is damaged.")
        default:
            // Neither the statement nor its values: they hold what the user wrote.
            CouchError(status: 412, error: "storage", reason: "SQLite answered \(error.extendedResultCode).")
        }
    }
}

extension CouchError {
    /// Whether there is no room on the device; servers do not say that.
    var isStorageFull: Bool { status == CouchError.insufficientStorage("").status }
}
