import Foundation

/// Measured durations, and what they come to.
struct Figures: Sendable {
    private let sorted: [Duration]

    init(_ durations: [Duration]) {
        sorted = durations.sorted()
    }

    /// The duration that this part of all (0 to 1) does not exceed.
    func percentile(_ part: Double) -> Duration {
        guard !sorted.isEmpty else { return .zero }
        let rank = Int((part * Double(sorted.count)).rounded(.up)) - 1
        return sorted[min(max(rank, 0), sorted.count - 1)]
    }

    var median: Duration { percentile(0.5) }

    /// The cells of a table's row: median, 95th and 99th percentile, greatest.
    var cells: [String] {
        [0.5, 0.95, 0.99, 1].map { String(format: "%.1f ms", percentile($0) / .milliseconds(1)) }
    }
}
