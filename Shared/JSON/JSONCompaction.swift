extension JSONScan {
    /// Appends a part of the scanned text without the white space between its tokens.
    ///
    /// - Parameters:
    ///   - bytes: The text that was scanned.
    ///   - range: A value or a member of it.
    ///   - output: What the part is appended to.
    public func writeCompact(_ bytes: [UInt8], _ range: Range<Int>, to output: inout [UInt8]) {
        guard hasSpace else {
            output.append(contentsOf: bytes[range])
            return
        }
        var inString = false
        var position = range.lowerBound
        while position < range.upperBound {
            let byte = bytes[position]
            if inString {
                if byte == UInt8(ascii: "\\") {
                    output.append(byte)
                    position += 1
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
            } else if byte == UInt8(ascii: "\"") {
                inString = true
            } else if byte <= 0x20 {
                position += 1
                continue
            }
            output.append(bytes[position])
            position += 1
        }
    }
}
