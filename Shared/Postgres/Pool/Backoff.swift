/// Growing pauses between attempts, with jitter so that many clients do not come back at the same moment.
struct Backoff {
    private var next: Duration
    private let maximum: Duration

    init(from first: Duration, to maximum: Duration) {
        next = first
        self.maximum = maximum
    }

    /// The pause before the next attempt: between half and all of a time that doubles up to the maximum.
    mutating func pause() -> Duration {
        defer { next = min(next * 2, maximum) }
        return next * Double.random(in: 0.5...1)
    }
}
