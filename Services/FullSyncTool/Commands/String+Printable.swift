extension String {
    /// The text with a question mark for each control character, which a terminal would obey: C0, DEL and C1.
    ///
    /// Names and errors come from outside, and may have been made to hide what stands beside them.
    var printable: String { Self.printable(self) { _ in false } }

    /// The same for text of several lines.
    var printableLines: String { Self.printable(self) { $0 == "\n" } }

    private static func printable(_ text: String, except isKept: (Unicode.Scalar) -> Bool) -> String {
        guard text.unicodeScalars.contains(where: { isControl($0) && !isKept($0) }) else { return text }
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: text.unicodeScalars.map { isControl($0) && !isKept($0) ? "?" : $0 })
        return String(scalars)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control
    }
}
