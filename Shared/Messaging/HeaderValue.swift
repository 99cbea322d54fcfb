/// A value in the headers of a message: the field types that RabbitMQ knows (AMQP 0-9-1 errata, "Field types").
package enum HeaderValue: Sendable, Hashable {
    /// `V`: present, without a value.
    case null
    /// `t`.
    case bool(Bool)
    /// Any of the integers; written as the signed 64-bit `l`.
    case int(Int64)
    /// `f` or `d`; written as `d`.
    case double(Double)
    /// `D`: `value` divided by ten to the power of `scale`.
    case decimal(scale: UInt8, value: UInt32)
    /// `S`, when it is valid UTF-8.
    case string(String)
    /// `x`, or an `S` that is not valid UTF-8.
    case bytes([UInt8])
    /// `T`: seconds since 1970.
    case timestamp(UInt64)
    /// `A`.
    case array([HeaderValue])
    /// `F`.
    case table([String: HeaderValue])

    /// The text, when it is one.
    package var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The integer, when it is one.
    package var int: Int64? {
        guard case .int(let number) = self else { return nil }
        return number
    }
}

extension HeaderValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    package init(stringLiteral value: String) {
        self = .string(value)
    }

    package init(integerLiteral value: Int64) {
        self = .int(value)
    }

    package init(booleanLiteral value: Bool) {
        self = .bool(value)
    }
}

/// The bounds of a header table, in both directions.
enum HeaderLimits {
    /// Tables and arrays in one another.
    static let depth = 16
    /// Values of all tables and arrays of one message together.
    static let values = 1_024
    /// Bytes of all keys and values together; a header has to fit one frame, whose usual maximum is 128 KiB.
    static let bytes = 64 * 1_024
    /// Bytes of a short string: a key, and each of the other properties.
    static let shortString = 255
}
