/// A statement with its parameters.
///
/// An interpolated value becomes a parameter (`$1`, `$2`, …) and never a part of the text, so an injection cannot be
/// written by accident:
///
///     let query: PostgresQuery = "SELECT body FROM documents WHERE id = \(id) AND seq > \(since)"
///
/// Text that code controls is put in with `\(unescaped:)`, a name with `\(identifier:)`, and another query, with its
/// parameters, with `\(fragment:)`.
public struct PostgresQuery: Sendable, ExpressibleByStringInterpolation {
    /// The text with its placeholders.
    public private(set) var sql: String
    var binds = PostgresBinds()
    /// Where in `sql` (in UTF-8 bytes) each placeholder starts, in the order of the parameters.
    private var placeholders: [Int] = []

    public init(stringLiteral value: String) {
        sql = value
    }

    public init(stringInterpolation: StringInterpolation) {
        self = stringInterpolation.query
    }

    /// A statement that code has put together, without parameters.
    public init(unescaped sql: String) {
        self.sql = sql
    }

    /// Adds text that code controls.
    public mutating func append(unescaped text: String) {
        sql += text
    }

    /// Adds a parameter: its placeholder to the text, its value to the parameters.
    public mutating func append(_ value: some PostgresEncodable) {
        binds.append(value)
        appendPlaceholder()
    }

    /// Adds a query; its placeholders are numbered anew.
    public mutating func append(_ other: PostgresQuery) {
        let text = Array(other.sql.utf8)
        var position = 0
        for (index, start) in other.placeholders.enumerated() {
            sql += String(decoding: text[position..<start], as: UTF8.self)
            appendPlaceholder()
            position = start + 1 + String(index + 1).utf8.count
        }
        sql += String(decoding: text[position...], as: UTF8.self)
        binds.append(other.binds)
    }

    private mutating func appendPlaceholder() {
        placeholders.append(sql.utf8.count)
        sql += "$\(placeholders.count)"
    }

    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var query = PostgresQuery(unescaped: "")

        public init(literalCapacity: Int, interpolationCount: Int) {
            query.sql.reserveCapacity(literalCapacity + interpolationCount * 3)
        }

        public mutating func appendLiteral(_ literal: String) {
            query.sql += literal
        }

        public mutating func appendInterpolation(_ value: some PostgresEncodable) {
            query.append(value)
        }

        /// An optional value; `nil` is NULL. (Apart from the others, because the compiler suspects a mistake
        /// otherwise.)
        public mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value?) {
            query.append(value)
        }

        public mutating func appendInterpolation(unescaped text: String) {
            query.sql += text
        }

        /// A table's, column's or other object's name, quoted.
        public mutating func appendInterpolation(identifier name: String) {
            query.sql += PostgresQuery.quoted(identifier: name)
        }

        public mutating func appendInterpolation(fragment: PostgresQuery) {
            query.append(fragment)
        }
    }

    /// A name in double quotes, with those in it doubled.
    public static func quoted(identifier name: String) -> String {
        // By bytes, as PostgreSQL reads it: with an accent behind it, a quotation mark is another character to Swift.
        let quote = UInt8(ascii: "\"")
        let bytes = name.utf8.flatMap { $0 == quote ? [quote, quote] : [$0] }
        return "\"" + String(decoding: bytes, as: UTF8.self) + "\""
    }
}

extension PostgresQuery: CustomStringConvertible, CustomReflectable {
    /// The text without the parameters' values.
    public var description: String { sql }

    /// A mirror without children, so that `dump` does not show the parameters.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// The parameters of a query, encoded one after the other into one piece of memory.
struct PostgresBinds: Sendable {
    private(set) var buffer = PostgresBuffer()
    private(set) var types: [PostgresType] = []
    /// Where each value's bytes are; `nil` is NULL.
    private(set) var ranges: [Range<Int>?] = []

    var count: Int { types.count }

    mutating func append<Value: PostgresEncodable>(_ value: Value) {
        types.append(Value.postgresType)
        guard !value.isPostgresNull else { return ranges.append(nil) }
        let start = buffer.count
        value.encode(into: &buffer)
        ranges.append(start..<buffer.count)
    }

    mutating func append(_ other: PostgresBinds) {
        let offset = buffer.count
        buffer.append(contentsOf: other.buffer.bytes)
        types += other.types
        ranges += other.ranges.map { $0.map { $0.lowerBound + offset..<$0.upperBound + offset } }
    }
}
