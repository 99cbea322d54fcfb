import Foundation
import Glibc

/// Colours on a terminal; elsewhere, and where `NO_COLOR` is set (no-color.org), plain text.
struct Paint: Sendable {
    private let isOn: Bool

    init(isOn: Bool) {
        self.isOn = isOn
    }

    /// For standard output.
    static let standard = Paint(
        isOn: isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"].map(\.isEmpty) ?? true
    )

    func good(_ text: String) -> String { paint(text, "32") }
    func bad(_ text: String) -> String { paint(text, "31") }
    func heading(_ text: String) -> String { paint(text, "1") }

    /// A line that begins with a place, which stands out.
    func problem(_ place: String, _ line: String) -> String {
        line.hasPrefix(place) ? heading(place) + line.dropFirst(place.count) : line
    }

    private func paint(_ text: String, _ code: String) -> String {
        isOn ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}
