public import Foundation

extension UUID: PostgresScalar {
    public static let postgresType = PostgresType.uuid
    public static let postgresArrayType = PostgresType.uuidArray

    public init(_ cell: PostgresCell) throws(PostgresCellError) {
        guard cell.type == .uuid else { throw .typeMismatch }
        guard cell.bytes.count == 16 else { throw .malformed("\(cell.bytes.count) bytes where 16 are due") }
        self.init(uuid: cell.bytes.loadUnaligned(as: uuid_t.self))
    }

    public func encode(into buffer: inout PostgresBuffer) {
        withUnsafeBytes(of: uuid) { buffer.append(contentsOf: $0) }
    }
}
