/// How many bodies are read at once while an answer is streamed: few where they are large, many where they are small,
/// so that the memory of one answer stays about the same.
struct AdaptiveStretch: Sendable {
    /// How many to read next.
    private(set) var count = 32

    private static let byteAim = 2 << 20
    private static let range = 1...500

    /// Notes how many bytes the last stretch was.
    mutating func note(bytes: Int, of count: Int) {
        guard count > 0 else { return }
        let fitting = Self.byteAim / max(bytes / count, 1)
        self.count = min(max(fitting, Self.range.lowerBound), Self.range.upperBound)
    }
}
