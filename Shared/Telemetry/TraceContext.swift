/// Where a piece of work comes from, as W3C Trace Context (Level 1) carries it between programs.
///
/// One trace id goes from a device's push through the change, the listener, the run and the connector's call to the
/// back end. Work runs within ``current``; every line that it logs has the trace id.
package struct TraceContext: Sendable, Hashable {
    /// The first eight bytes of the trace id.
    private let high: UInt64
    /// The last eight bytes of the trace id.
    private let low: UInt64
    /// The span that is the parent of whatever this context is handed to.
    private let span: UInt64
    /// Whether the caller records this trace.
    package let isSampled: Bool

    /// The trace of the work that this task does.
    @TaskLocal package static var current: TraceContext?

    /// The context of new work that nobody else began.
    package static func makeRoot() -> TraceContext {
        TraceContext(high: .random(in: 1 ... .max), low: .random(in: 1 ... .max), span: .random(in: 1 ... .max))
    }

    private init(high: UInt64, low: UInt64, span: UInt64, isSampled: Bool = true) {
        self.high = high
        self.low = low
        self.span = span
        self.isSampled = isSampled
    }

    /// The context that a `traceparent` header says; nil when it says none.
    ///
    /// A version after 00 may have more fields than the four that are read here (section 4.3 of the recommendation).
    package init?(traceparent: String) {
        let text = Array(traceparent.utf8)
        let dash = UInt8(ascii: "-")
        guard text.count >= 55, text[2] == dash, text[35] == dash, text[52] == dash,
            let version = hexadecimal(text[0..<2]), version != 0xFF,
            version == 0 ? text.count == 55 : text.count == 55 || text[55] == dash,
            let high = hexadecimal(text[3..<19]), let low = hexadecimal(text[19..<35]), high | low != 0,
            let span = hexadecimal(text[36..<52]), span != 0,
            let flags = hexadecimal(text[53..<55])
        else { return nil }
        self.init(high: high, low: low, span: span, isSampled: flags & 1 == 1)
    }

    /// The context of a trace whose id was stored with the work.
    package init?(traceID: String) {
        self.init(traceparent: "00-\(traceID)-\(padded(.random(in: 1 ... .max)))-01")
    }

    /// The header's text, version 00.
    package var traceparent: String {
        "00-\(traceID)-\(padded(span))-\(isSampled ? "01" : "00")"
    }

    /// The trace id: 32 hexadecimal digits.
    package var traceID: String {
        padded(high) + padded(low)
    }

    /// The same trace with a span of its own: what one hands to the next program.
    package func makeChild() -> TraceContext {
        TraceContext(high: high, low: low, span: .random(in: 1 ... .max), isSampled: isSampled)
    }
}

/// The number of lower-case hexadecimal digits, 16 at most; nil when there is another character.
private func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for digit in digits {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
        default: return nil
        }
    }
    return value
}

/// The number as 16 hexadecimal digits.
private func padded(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}
