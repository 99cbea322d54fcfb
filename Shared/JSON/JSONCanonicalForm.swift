extension JSONValue {
    /// The one text of this value in UTF-8, for hashes: equal values have equal canonical bytes.
    ///
    /// Compact, members sorted by the UTF-8 of their names, and numbers in one spelling: whole numbers of up to 21
    /// digits as their digits, all others as significant digits with an exponent (`15e-1`). Only a number whose
    /// exponent does not fit 60 bits keeps its spelling.
    public var canonicalBytes: [UInt8] {
        var output: [UInt8] = []
        writeCanonical(to: &output)
        return output
    }

    private func writeCanonical(to output: inout [UInt8]) {
        switch self {
        case .number(let number):
            output.append(contentsOf: (JSONDecimal(number)?.canonicalText ?? number.text).utf8)
        case .array(let values):
            output.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                value.writeCanonical(to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let members):
            output.append(UInt8(ascii: "{"))
            let sorted = members.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
            for (index, member) in sorted.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                JSONValue.write(string: member.0, to: &output)
                output.append(UInt8(ascii: ":"))
                member.1.writeCanonical(to: &output)
            }
            output.append(UInt8(ascii: "}"))
        default: write(to: &output)
        }
    }
}
