import Foundation

extension Duration {
    /// A duration as people read it: `0.84 ms`, `12.3 s`.
    var short: String {
        let seconds = self / .seconds(1)
        return seconds < 1 ? "\((seconds * 1_000).short) ms" : "\(seconds.short) s"
    }

    /// How many of `count` things a second that is.
    func rate(_ count: Int) -> String { "\(Int(Double(count) / (self / .seconds(1))))/s" }
}

extension Double {
    /// Three figures.
    var short: String {
        switch self {
        case 100...: String(format: "%.0f", self)
        case 10..<100: String(format: "%.1f", self)
        default: String(format: "%.2f", self)
        }
    }
}
