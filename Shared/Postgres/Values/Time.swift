public import Foundation

/// Microseconds since 2000-01-01 00:00 UTC, PostgreSQL's epoch; the extremes of `Int64` are the infinities.
private enum PostgresEpoch {
    /// From 1970-01-01 to 2000-01-01, in seconds.
    static let secondsAfterUnix: Double = 946_684_800
    static let microseconds: Double = 1_000_000
}

extension Date: PostgresScalar {
    public static let postgresType = PostgresType.timestamptz
    public static let postgresArrayType = PostgresType.timestamptzArray

    /// Reads `timestamptz` to the microsecond as far as a double holds it; `infinity` is an infinite date.
    public init(_ cell: PostgresCell) throws(PostgresCellError) {
        guard cell.type == .timestamptz else { throw .typeMismatch }
        let value: Int64 = try cell.integer()
        switch value {
        case .max: self.init(timeIntervalSince1970: .infinity)
        case .min: self.init(timeIntervalSince1970: -.infinity)
        default:
            // Whole seconds and the rest apart: the sum is then rounded once.
            let (seconds, rest) = value.quotientAndRemainder(dividingBy: 1_000_000)
            let reference =
                Double(seconds) + PostgresEpoch.secondsAfterUnix - Self.timeIntervalBetween1970AndReferenceDate
            self.init(timeIntervalSinceReferenceDate: reference + Double(rest) / PostgresEpoch.microseconds)
        }
    }

    /// Writes the nearest microsecond; a date beyond PostgreSQL's range is refused by the server (SQLSTATE 22008).
    public func encode(into buffer: inout PostgresBuffer) {
        let seconds =
            timeIntervalSinceReferenceDate + Self.timeIntervalBetween1970AndReferenceDate
            - PostgresEpoch.secondsAfterUnix
        let rounded = (seconds * PostgresEpoch.microseconds).rounded()
        switch rounded {
        case .infinity: buffer.append(Int64.max)
        case -.infinity: buffer.append(Int64.min)
        default: buffer.append(Int64(exactly: rounded) ?? (rounded < 0 ? .min + 1 : .max - 1))
        }
    }
}

extension Duration: PostgresScalar {
    public static let postgresType = PostgresType.interval
    public static let postgresArrayType = PostgresType.intervalArray

    /// Reads an `interval` of days and time; one with months, which have no fixed length, is out of range.
    public init(_ cell: PostgresCell) throws(PostgresCellError) {
        guard cell.type == .interval else { throw .typeMismatch }
        var reader = PostgresCellReader(cell)
        let microseconds: Int64 = try reader.integer()
        let days: Int32 = try reader.integer()
        let months: Int32 = try reader.integer()
        guard months == 0 else { throw .outOfRange }
        self = .seconds(Int64(days) * 86_400) + .microseconds(microseconds)
    }

    /// Writes whole microseconds, the resolution of PostgreSQL.
    public func encode(into buffer: inout PostgresBuffer) {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, overflowed) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        buffer.append(overflow || overflowed ? (seconds < 0 ? Int64.min : .max) : sum)
        buffer.append(Int32(0))
        buffer.append(Int32(0))
    }
}
