/// The exact value of a JSON number: sign, significant digits, and the power of ten of the last of them.
struct JSONDecimal: Hashable {
    /// The whole numbers that are written out in canonical form have at most so many digits, as in ECMAScript.
    private static let longestWhole = 21

    let isNegative: Bool
    /// ASCII digits without zeros at either end; empty for zero.
    let digits: [UInt8]
    let exponent: Int

    /// The value of a number, or nil when its exponent does not fit an integer.
    init?(_ number: JSONNumber) {
        var digits: [UInt8] = []
        var exponent = 0
        var isNegative = false
        var inFraction = false
        var rest = number.text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "-"): isNegative = true
            case UInt8(ascii: "."): inFraction = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                guard let power = Int(String(decoding: rest, as: UTF8.self)),
                    power.magnitude < 1 << 60
                else { return nil }
                exponent += power
                rest = rest[rest.endIndex...]
            default:
                digits.append(byte)
                if inFraction { exponent -= 1 }
            }
        }
        while digits.last == UInt8(ascii: "0") {
            digits.removeLast()
            exponent += 1
        }
        self.digits = Array(digits.drop { $0 == UInt8(ascii: "0") })
        self.isNegative = isNegative && !self.digits.isEmpty
        self.exponent = self.digits.isEmpty ? 0 : exponent
    }

    /// Whether it is a whole number short enough to be written out.
    var isShortWhole: Bool {
        exponent >= 0 && exponent <= Self.longestWhole && digits.count + exponent <= Self.longestWhole
    }

    /// The one text of this value: a short whole number as its digits, all else as whole digits with an exponent.
    var canonicalText: String {
        guard !digits.isEmpty else { return "0" }
        let sign = isNegative ? "-" : ""
        let text = String(decoding: digits, as: UTF8.self)
        return isShortWhole ? sign + text + String(repeating: "0", count: exponent) : "\(sign)\(text)e\(exponent)"
    }
}
