/// Which deliveries of a channel are settled, so that those that follow one another are acknowledged by one frame.
struct Acknowledgements {
    /// All deliveries up to this one are settled.
    private var settled: UInt64 = 0
    /// Settled ones behind one that is not.
    private var ahead: Set<UInt64> = []
    /// The delivery up to which the broker is still to be told.
    private var untold: UInt64?

    /// How many may be ahead; when more are, because one is never settled, each is told by itself from then on.
    private static let aheadLimit = 10_000

    /// Notes that a delivery is to be acknowledged.
    ///
    /// - Returns: Whether it must be told by itself, because one before it is not settled.
    mutating func acknowledge(_ tag: UInt64) -> Bool {
        guard tag == settled + 1 else {
            note(tag)
            return true
        }
        settled = tag
        untold = tag
        advance()
        return false
    }

    /// Notes that a delivery was settled in another way.
    mutating func settle(_ tag: UInt64) {
        note(tag)
        advance()
    }

    private mutating func note(_ tag: UInt64) {
        if ahead.count < Self.aheadLimit { ahead.insert(tag) }
    }

    private mutating func advance() {
        while ahead.remove(settled + 1) != nil { settled += 1 }
    }

    /// The delivery up to which all are to be acknowledged by one frame now; nil for none.
    mutating func take() -> UInt64? {
        defer { untold = nil }
        return untold
    }
}
