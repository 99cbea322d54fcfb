/// A `numeric` as its exact decimal text, which is what sums of `bigint` and averages come as.
///
/// The binary form is `numeric_send`'s in PostgreSQL's `numeric.c`: number of base-10000 digits, weight of the first,
/// sign, digits after the point, then the digits.
struct PostgresNumeric {
    /// The value as PostgreSQL prints it.
    let text: String

    init(_ cell: PostgresCell) throws(PostgresCellError) {
        var reader = PostgresCellReader(cell)
        let count = Int(try reader.integer(as: Int16.self))
        let weight = Int(try reader.integer(as: Int16.self))
        let sign: UInt16 = try reader.integer()
        let scale = Int(try reader.integer(as: UInt16.self))
        switch sign {
        case 0xC000: text = "NaN"
        case 0xD000: text = "Infinity"
        case 0xF000: text = "-Infinity"
        case 0x0000, 0x4000:
            var digits: [Int] = []
            for _ in 0..<max(0, count) { digits.append(Int(try reader.integer(as: Int16.self))) }
            text = (sign == 0 ? "" : "-") + Self.decimal(digits, weight: weight, scale: scale)
        default: throw .malformed("the sign of a numeric")
        }
    }

    private static func decimal(_ digits: [Int], weight: Int, scale: Int) -> String {
        func group(_ exponent: Int) -> String {
            let index = weight - exponent
            let value = digits.indices.contains(index) ? digits[index] : 0
            return String(String(10_000 + value).dropFirst())
        }
        var whole = weight >= 0 ? (0...weight).reversed().map(group).joined() : "0"
        whole = String(whole.drop { $0 == "0" })
        if whole.isEmpty { whole = "0" }
        guard scale > 0 else { return whole }
        let groups = (scale + 3) / 4
        let fraction = (1...groups).map { group(-$0) }.joined().prefix(scale)
        return whole + "." + fraction
    }
}
