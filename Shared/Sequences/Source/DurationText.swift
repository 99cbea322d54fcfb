extension Duration {
    /// A duration as project files write it: `500ms`, `10s`, `5m`, `2h`, `7d`, whole numbers above zero.
    ///
    /// Nil when the text is none, or is longer than ten years.
    package init?(projectText text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int64(digits), count > 0, count < 1_000_000_000_000 else { return nil }
        let result: Duration
        switch text[digits.endIndex...] {
        case "ms": result = .milliseconds(count)
        case "s": result = .seconds(count)
        case "m": result = .seconds(count * 60)
        case "h": result = .seconds(count * 3_600)
        case "d": result = .seconds(count * 86_400)
        default: return nil
        }
        guard result <= .seconds(3_660 * 86_400) else { return nil }
        self = result
    }

    /// The duration as project files write it, in the largest unit that is exact.
    package var projectText: String {
        let (seconds, attoseconds) = components
        if attoseconds != 0 { return "\(seconds * 1_000 + attoseconds / 1_000_000_000_000_000)ms" }
        for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60)] as [(String, Int64)]
        where seconds != 0 && seconds % length == 0 {
            return "\(seconds / length)\(unit)"
        }
        return "\(seconds)s"
    }
}
