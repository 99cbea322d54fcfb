package import Foundation

extension UUID: PostgresScalar {
    package static let postgresType = PostgresType.uuid
    package static let postgresArrayType = PostgresType.uuidArray

    package init(_ cell: PostgresCell) throws(PostgresCellError) {
        guard cell.type == .uuid else { throw .typeMismatch }
        guard cell.bytes.count == 16 else { throw .malformed("\(cell.bytes.count) bytes where 16 are due") }
        self.init(uuid: cell.bytes.loadUnaligned(as: uuid_t.self))
    }

    package func encode(into buffer: inout PostgresBuffer) {
        withUnsafeBytes(of: uuid) { buffer.append(contentsOf: $0) }
    }
}
