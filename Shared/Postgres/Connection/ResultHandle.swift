import CPostgres

/// A `PGresult`, cleared with the last row that refers to it.
final class ResultHandle: @unchecked Sendable {  // because a PGresult is never changed after libpq has returned it
    private let pointer: OpaquePointer
    let rowCount: Int
    let columnCount: Int

    /// Adopts the pointer.
    init(adopting pointer: OpaquePointer) {
        self.pointer = pointer
        rowCount = Int(PQntuples(pointer))
        columnCount = Int(PQnfields(pointer))
    }

    deinit {
        PQclear(pointer)
    }

    var status: ExecStatusType { PQresultStatus(pointer) }

    /// `PQcmdTuples`: 0 for a statement that has no such number.
    var affected: Int { Int(String(cString: PQcmdTuples(pointer))) ?? 0 }

    /// `PQcmdStatus`: the command's tag, such as `INSERT 0 1`.
    var commandTag: String { String(cString: PQcmdStatus(pointer)) }

    /// Whether the command may have dropped prepared statements (DISCARD, DEALLOCATE), seen without making a string.
    var dropsStatements: Bool {
        guard let tag = PQcmdStatus(pointer), tag[0] == UInt8(ascii: "D") else { return false }
        return tag[1] == UInt8(ascii: "I") || tag[1] == UInt8(ascii: "E") && tag[2] == UInt8(ascii: "A")
    }

    func columnName(_ column: Int) -> String {
        PQfname(pointer, Int32(column)).map { String(cString: $0) } ?? "\(column)"
    }

    /// `PQftype`: the column's type.
    func columnType(_ column: Int) -> PostgresType { PostgresType(rawValue: PQftype(pointer, Int32(column))) }

    /// The value's bytes, valid as long as the handle; `nil` is NULL.
    func cell(row: Int, column: Int) -> PostgresCell? {
        let (row, column) = (Int32(row), Int32(column))
        guard PQgetisnull(pointer, row, column) == 0, let value = PQgetvalue(pointer, row, column) else { return nil }
        return PostgresCell(
            type: PostgresType(rawValue: PQftype(pointer, column)),
            bytes: UnsafeRawBufferPointer(start: value, count: Int(PQgetlength(pointer, row, column)))
        )
    }

    /// The error report when the result is one.
    var serverError: PostgresServerError? {
        guard let state = field(.sqlState) else { return nil }
        return PostgresServerError(
            sqlState: SQLState(rawValue: state),
            message: field(.message) ?? "",
            detail: field(.detail),
            hint: field(.hint),
            schema: field(.schema),
            table: field(.table),
            column: field(.column),
            constraint: field(.constraint),
            isFatal: ["FATAL", "PANIC"].contains(field(.severity) ?? ""),
            position: field(.position).flatMap { Int($0) },
            pipelineIndex: nil
        )
    }

    private func field(_ field: ErrorField) -> String? {
        PQresultErrorField(pointer, field.code).map { String(cString: $0) }
    }
}

/// The fields of an error report.
///
/// They are the `PG_DIAG_…` of `postgres_ext.h`, character constants that Swift does not import.
enum ErrorField: Character {
    case severity = "V"
    case sqlState = "C"
    case message = "M"
    case detail = "D"
    case hint = "H"
    case position = "P"
    case schema = "s"
    case table = "t"
    case column = "c"
    case constraint = "n"

    /// What `PQresultErrorField` is called with.
    var code: Int32 { Int32(rawValue.asciiValue ?? 0) }
}
