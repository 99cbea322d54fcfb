/// A statement with its parameters.
///
/// An interpolated value becomes a parameter (`$1`, `$2`, …) and never a part of the text, so an injection cannot be
/// written by accident:
///
///     let query: PostgresQuery = "SELECT body FROM documents WHERE id = \(id) AND seq > \(since)"
///
/// Text that code controls is put in with `\(unescaped:)`, a name with `\(identifier:)`, and another query, with its
/// parameters, with `\(fragment:)`.
package struct PostgresQuery: Sendable, ExpressibleByStringInterpolation {
    /// The text with its placeholders.
    package private(set) var sql: String
    package var binds = PostgresBinds()
    /// Where in `sql` (in UTF-8 bytes) each placeholder starts, in the order of the parameters.
    private var placeholders: [Int] = []

    package init(stringLiteral value: String) {
        sql = value
    }

    package init(stringInterpolation: StringInterpolation) {
        self = stringInterpolation.query
    }

    /// A statement that code has put together, without parameters.
    package init(unescaped sql: String) {
        self.sql = sql
    }

    /// Adds text that code controls.
    package mutating func append(unescaped text: String) {
        sql += text
    }

    /// Adds a parameter: its placeholder to the text, its value to the parameters.
    @inlinable package mutating func append(_ value: some PostgresEncodable) {
        binds.append(value)
        appendPlaceholder()
    }

    /// Adds an array as a parameter.
    ///
    /// Apart from other values, so that its elements are written without looking their type up for each: what is
    /// written in one go has thousands.
    @inlinable
    package mutating func append<Element: PostgresEncodable & PostgresArrayElement>(_ values: [Element]) {
        binds.append(Element.postgresArrayType) { PostgresArrayFormat.encode(values, into: &$0) }
        appendPlaceholder()
    }

    /// Adds an array in which some elements may be NULL as a parameter.
    @inlinable
    package mutating func append<Element: PostgresScalar>(_ values: [Element?]) {
        binds.append(Element.postgresArrayType) { PostgresArrayFormat.encode(values, into: &$0) }
        appendPlaceholder()
    }

    /// Adds a query; its placeholders are numbered anew.
    package mutating func append(_ other: PostgresQuery) {
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

    package mutating func appendPlaceholder() {
        placeholders.append(sql.utf8.count)
        sql += "$\(placeholders.count)"
    }

    package struct StringInterpolation: StringInterpolationProtocol {
        package var query = PostgresQuery(unescaped: "")

        package init(literalCapacity: Int, interpolationCount: Int) {
            query.sql.reserveCapacity(literalCapacity + interpolationCount * 3)
        }

        package mutating func appendLiteral(_ literal: String) {
            query.sql += literal
        }

        @inlinable package mutating func appendInterpolation(_ value: some PostgresEncodable) {
            query.append(value)
        }

        @inlinable
        package mutating func appendInterpolation<Element: PostgresEncodable & PostgresArrayElement>(
            _ values: [Element]
        ) {
            query.append(values)
        }

        @inlinable
        package mutating func appendInterpolation<Element: PostgresScalar>(_ values: [Element?]) {
            query.append(values)
        }

        /// An optional value; `nil` is NULL. (Apart from the others, because the compiler suspects a mistake
        /// otherwise.)
        @inlinable package mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value?) {
            query.append(value)
        }

        package mutating func appendInterpolation(unescaped text: String) {
            query.sql += text
        }

        /// A table's, column's or other object's name, quoted.
        package mutating func appendInterpolation(identifier name: String) {
            query.sql += PostgresQuery.quoted(identifier: name)
        }

        package mutating func appendInterpolation(fragment: PostgresQuery) {
            query.append(fragment)
        }
    }

    /// A name in double quotes, with those in it doubled.
    package static func quoted(identifier name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}

extension PostgresQuery: CustomStringConvertible, CustomReflectable {
    /// The text without the parameters' values.
    package var description: String { sql }

    /// A mirror without children, so that `dump` does not show the parameters.
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// The parameters of a query, encoded one after the other into one piece of memory.
package struct PostgresBinds: Sendable {
    package var buffer = PostgresBuffer()
    package var types: [PostgresType] = []
    /// Where each value's bytes are; `nil` is NULL.
    package var ranges: [Range<Int>?] = []

    var count: Int { types.count }

    /// Adds a value that is not NULL, which `encode` writes.
    package mutating func append(_ type: PostgresType, _ encode: (inout PostgresBuffer) -> Void) {
        types.append(type)
        let start = buffer.count
        encode(&buffer)
        ranges.append(start..<buffer.count)
    }

    @inlinable package mutating func append<Value: PostgresEncodable>(_ value: Value) {
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
