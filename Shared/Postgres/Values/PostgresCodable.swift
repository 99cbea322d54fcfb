/// A Swift type that stands for a PostgreSQL type.
public protocol PostgresTyped: Sendable {
    /// The type that the server is told, and that error messages name as expected.
    static var postgresType: PostgresType { get }
}

/// A value that can be a parameter of a query.
public protocol PostgresEncodable: PostgresTyped {
    /// Whether the value is NULL, and then not asked for its bytes.
    var isPostgresNull: Bool { get }
    /// Writes the type's binary form.
    func encode(into buffer: inout PostgresBuffer)
}

extension PostgresEncodable {
    public var isPostgresNull: Bool { false }
}

/// A value that can be read from a column.
public protocol PostgresDecodable: PostgresTyped {
    /// What NULL becomes; `nil` when NULL has no meaning here.
    static var postgresNull: Self? { get }
    /// Reads the binary form.
    init(_ cell: PostgresCell) throws(PostgresCellError)
}

extension PostgresDecodable {
    public static var postgresNull: Self? { nil }
}

extension Optional: PostgresTyped where Wrapped: PostgresTyped {
    public static var postgresType: PostgresType { Wrapped.postgresType }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    public var isPostgresNull: Bool { self?.isPostgresNull ?? true }

    public func encode(into buffer: inout PostgresBuffer) {
        self?.encode(into: &buffer)
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    public static var postgresNull: Self? { .some(nil) }

    public init(_ cell: PostgresCell) throws(PostgresCellError) {
        self = .some(try Wrapped(cell))
    }
}
