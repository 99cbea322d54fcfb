import Foundation

/// How the text of a setting becomes a value, and what is to be said when it does not.
package struct SettingType<Value: Sendable>: Sendable {
    /// What a right value looks like, as it follows "expected" in an error.
    package let expected: String
    /// Whether the value is never shown, and may come from a file.
    package let isSecret: Bool
    /// The value of a text, or nil when the text is none.
    let parse: @Sendable (String) -> Value?
    /// The text of a value, as help shows a default.
    let format: @Sendable (Value) -> String

    package init(
        expected: String,
        isSecret: Bool = false,
        parse: @escaping @Sendable (String) -> Value?,
        format: @escaping @Sendable (Value) -> String
    ) {
        self.expected = expected
        self.isSecret = isSecret
        self.parse = parse
        self.format = format
    }

    /// A setting that may be absent; its default is nil.
    package static func optional<Wrapped>(_ type: SettingType<Wrapped>) -> SettingType where Value == Wrapped? {
        SettingType(
            expected: type.expected,
            isSecret: type.isSecret,
            parse: { text in type.parse(text).map(Optional.some) },
            format: { value in value.map(type.format) ?? "none" }
        )
    }
}

extension SettingType where Value == String {
    /// Any text that is not empty.
    package static var string: SettingType {
        SettingType(expected: "a text", parse: { $0 }, format: { $0 })
    }
}

extension SettingType where Value == Int {
    /// A whole number of that range.
    package static func int(_ range: ClosedRange<Int>) -> SettingType {
        SettingType(
            expected: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            parse: { Int($0).flatMap { range.contains($0) ? $0 : nil } },
            format: { String($0) }
        )
    }

    /// A number of bytes: `512`, `64KiB`, `16MiB`, `1GiB`.
    package static func bytes(_ range: ClosedRange<Int>) -> SettingType {
        SettingType(
            expected: "a size such as 64KiB or 16MiB, from \(bytesText(range.lowerBound)) to "
                + bytesText(range.upperBound),
            parse: { text in parseBytes(text).flatMap { range.contains($0) ? $0 : nil } },
            format: bytesText
        )
    }
}

extension SettingType where Value == Bool {
    /// Yes or no.
    package static var bool: SettingType {
        SettingType(
            expected: "true or false",
            parse: { text in
                switch text.lowercased() {
                case "true", "yes", "on", "1": true
                case "false", "no", "off", "0": false
                default: nil
                }
            },
            format: { $0 ? "true" : "false" }
        )
    }
}

extension SettingType where Value == Duration {
    /// A time span of that range: `500ms`, `10s`, `5m`, `1h`, `2d`.
    package static func duration(_ range: ClosedRange<Duration>) -> SettingType {
        SettingType(
            expected: "a duration such as 500ms, 10s, 5m or 1h, from \(durationText(range.lowerBound)) to "
                + durationText(range.upperBound),
            parse: { text in parseDuration(text).flatMap { range.contains($0) ? $0 : nil } },
            format: durationText
        )
    }
}

extension SettingType where Value: RawRepresentable<String> & CaseIterable {
    /// One of the enumeration's words.
    package static var choice: SettingType {
        SettingType(
            expected: "one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))",
            parse: { Value(rawValue: $0) },
            format: \.rawValue
        )
    }
}

extension SettingType where Value == Secret {
    /// Any text that is not empty, never shown.
    package static var secret: SettingType {
        SettingType(expected: "a text", isSecret: true, parse: { Secret($0) }, format: { "\($0)" })
    }

    /// A URL with one of these schemes that may carry a password, and is never shown for that reason.
    ///
    /// What follows the scheme is for the one who connects: a database's URL may name several hosts, or none.
    package static func secretURL(schemes: [String]) -> SettingType {
        SettingType(
            expected: "a URL that begins with \(schemes.map { "\($0)://" }.joined(separator: " or "))",
            isSecret: true,
            parse: { text in schemes.contains { text.hasPrefix("\($0)://") } ? Secret(text) : nil },
            format: { "\($0)" }
        )
    }
}

/// The units of a duration with their milliseconds, the largest first.
private let durationUnits: [(String, Int64)] = [
    ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
]

private func parseDuration(_ text: String) -> Duration? {
    let digits = text.prefix { ("0"..."9").contains($0) }
    let unit = text.dropFirst(digits.count)
    guard let count = Int64(digits), let scale = durationUnits.first(where: { $0.0 == unit })?.1 else { return nil }
    let (milliseconds, overflow) = count.multipliedReportingOverflow(by: scale)
    return overflow ? nil : .milliseconds(milliseconds)
}

/// The duration in the largest unit that says it exactly.
private func durationText(_ duration: Duration) -> String {
    let milliseconds = duration.components.seconds * 1_000 + duration.components.attoseconds / 1_000_000_000_000_000
    let (unit, scale) = durationUnits.first { milliseconds % $0.1 == 0 && milliseconds != 0 } ?? ("s", 1_000)
    return "\(milliseconds / scale)\(unit)"
}

/// The units of a size with their bytes, the largest first.
private let byteUnits: [(String, Int)] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)]

private func parseBytes(_ text: String) -> Int? {
    let digits = text.prefix { ("0"..."9").contains($0) }
    let unit = text.dropFirst(digits.count)
    guard let count = Int(digits), let scale = byteUnits.first(where: { $0.0 == unit })?.1 else { return nil }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: scale)
    return overflow ? nil : bytes
}

/// The size in the largest unit that says it exactly.
private func bytesText(_ bytes: Int) -> String {
    let (unit, scale) = byteUnits.first { bytes % $0.1 == 0 && bytes != 0 } ?? ("", 1)
    return "\(bytes / scale)\(unit)"
}
