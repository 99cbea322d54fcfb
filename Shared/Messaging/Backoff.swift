/// Pauses that double up to a maximum, each somewhere between its half and its whole, so that many do not come at once.
struct Backoff {
    let first: Duration
    let maximum: Duration
    private var next: Duration

    init(first: Duration, maximum: Duration) {
        self.first = first
        self.maximum = maximum
        next = first
    }

    /// The pause before the coming attempt.
    mutating func pause(using generator: inout some RandomNumberGenerator) -> Duration {
        let whole = next
        next = min(next * 2, maximum)
        return whole * Double.random(in: 0.5...1, using: &generator)
    }

    mutating func reset() {
        next = first
    }
}
