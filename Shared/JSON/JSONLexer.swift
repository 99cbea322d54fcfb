/// The tokens of one JSON text in UTF-8, read from a buffer that its user keeps alive.
///
/// The parser and the scanner share it, so that what the one accepts the other accepts too.
struct JSONLexer {
    /// The text, and whatever stands around it.
    let bytes: UnsafeBufferPointer<UInt8>
    /// Where the text ends.
    let end: Int
    /// How many characters a number may have.
    let numberLength: Int
    /// The next byte to be read.
    var position: Int

    init(bytes: UnsafeBufferPointer<UInt8>, range: Range<Int>, limits: JSONLimits) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "a range outside of the text")
        self.bytes = bytes
        end = range.upperBound
        numberLength = limits.numberLength
        position = range.lowerBound
    }

    @inline(never)
    func error(_ reason: String) -> JSONError {
        JSONError(reason: reason, offset: position)
    }

    /// The error about a text with more values than are allowed.
    func tooMany(_ limits: JSONLimits) -> JSONError { error("more than \(limits.values) values") }

    /// The byte at the position, or nil at the end.
    @inline(__always)
    var next: UInt8? {
        position < end ? bytes[position] : nil
    }

    /// Steps over white space.
    @inline(__always)
    mutating func skipSpace() {
        while position < end {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    /// Steps over that byte if it is the next one.
    @inline(__always)
    mutating func take(_ byte: UInt8) -> Bool {
        guard position < end, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    /// Steps over `true`, `false` or `null`.
    mutating func literal(_ word: StaticString) throws(JSONError) {
        let length = word.utf8CodeUnitCount
        guard position + length <= end,
            word.withUTF8Buffer({ $0.elementsEqual(bytes[position..<position + length]) })
        else { throw error("unexpected character") }
        position += length
    }
}

// MARK: - Numbers

extension JSONLexer {
    /// What a number looks like.
    struct NumberShape {
        var isNegative = false
        var hasExponent = false
        var isZero = true
        var wholeDigits = 0
    }

    /// Steps over a number.
    mutating func number() throws(JSONError) -> NumberShape {
        let start = position
        var shape = NumberShape()
        shape.isNegative = take(UInt8(ascii: "-"))
        let whole = position
        digits(&shape.isZero)
        shape.wholeDigits = position - whole
        guard shape.wholeDigits > 0 else { throw error("unexpected character") }
        guard bytes[whole] != UInt8(ascii: "0") || shape.wholeDigits == 1 else {
            throw error("a number may not begin with 0")
        }
        if take(UInt8(ascii: ".")) {
            let fraction = position
            digits(&shape.isZero)
            guard position > fraction else { throw error("a digit is expected after '.'") }
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            shape.hasExponent = true
            _ = take(UInt8(ascii: "+")) || take(UInt8(ascii: "-"))
            let exponent = position
            var ignored = true
            digits(&ignored)
            guard position > exponent else { throw error("a digit is expected in the exponent") }
        }
        guard position - start <= numberLength else {
            throw error("a number of more than \(numberLength) characters")
        }
        return shape
    }

    @inline(__always)
    private mutating func digits(_ areZero: inout Bool) {
        var seen: UInt8 = 0
        while position < end {
            let digit = bytes[position] &- 0x30
            guard digit <= 9 else { break }
            seen |= digit
            position += 1
        }
        if seen != 0 { areZero = false }
    }
}
