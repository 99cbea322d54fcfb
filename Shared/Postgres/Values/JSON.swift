/// A JSON text for a `json` parameter or from a `json` or `jsonb` column, as bytes.
///
/// As a parameter it has the type `json`, which keeps every byte; stored in a `jsonb` column it is converted by the
/// server's assignment cast. A parameter that must be `jsonb` already (for its operators) is a ``PostgresJSONB``: were
/// it the type of both, a `json` column would silently be given what `jsonb` had made of the text.
public struct PostgresJSON: PostgresScalar, Hashable {
    public static let postgresType = PostgresType.json
    public static let postgresArrayType = PostgresType.jsonArray

    public var bytes: [UInt8]

    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    public init(_ text: String) {
        bytes = Array(text.utf8)
    }

    public init(_ cell: PostgresCell) throws(PostgresCellError) {
        bytes = Array(try Self.text(of: cell).bytes)
    }

    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(contentsOf: bytes)
    }

    /// The version that `jsonb_send` puts before the text.
    static let binaryVersion: UInt8 = 1

    /// The cell without the version byte of `jsonb`.
    static func text(of cell: PostgresCell) throws(PostgresCellError) -> PostgresCell {
        switch cell.type {
        case .jsonb:
            guard cell.bytes.first == binaryVersion else { throw .malformed("an unknown version of jsonb") }
            return cell.dropFirst(1)
        case .json, .text, .varchar: return cell
        default: throw .typeMismatch
        }
    }
}

/// A JSON text for a `jsonb` parameter, as bytes.
public struct PostgresJSONB: PostgresScalar, Hashable {
    public static let postgresType = PostgresType.jsonb
    public static let postgresArrayType = PostgresType.jsonbArray

    public var bytes: [UInt8]

    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    public init(_ text: String) {
        bytes = Array(text.utf8)
    }

    public init(_ cell: PostgresCell) throws(PostgresCellError) {
        bytes = Array(try PostgresJSON.text(of: cell).bytes)
    }

    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(PostgresJSON.binaryVersion)
        buffer.append(contentsOf: bytes)
    }
}
