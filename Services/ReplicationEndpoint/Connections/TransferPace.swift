import NIOCore

/// How long a client may still keep this server waiting for bytes that it owes, or does not take.
///
/// Patience is used up by waiting and won back by bytes: so neither a silence of its length is borne, nor a client that
/// is slower than the rate for long, while one that is slow and steady goes on for hours. (As `mod_reqtimeout` of
/// Apache's httpd does it.)
struct TransferPace: Sendable {
    private let patience: TimeAmount
    private let rate: Int
    private var rest: TimeAmount
    private var waitingSince: NIODeadline?

    /// - Parameters:
    ///   - patience: The longest silence.
    ///   - rate: How many bytes win back a second.
    init(patience: TimeAmount, rate: Int) {
        self.patience = patience
        self.rate = rate
        rest = patience
    }

    /// When the patience ends; nil while nobody waits.
    var deadline: NIODeadline? { waitingSince.map { $0 + rest } }

    /// From here on the client is waited for.
    mutating func beginWaiting(at now: NIODeadline) {
        if waitingSince == nil { waitingSince = now }
    }

    /// So many bytes have moved; what is waited for is still waited for.
    mutating func note(bytes: Int, at now: NIODeadline) {
        if let waitingSince {
            rest = max(.zero, rest - (now - waitingSince))
            self.waitingSince = now
        }
        // What fills the patience up again need not be multiplied out.
        let seconds = bytes / rate
        let won = seconds > 1 << 20 ? patience : .nanoseconds(Int64(bytes) * 1_000_000_000 / Int64(rate))
        rest = min(patience, rest + won)
    }

    /// So many bytes have moved, and nothing is waited for any more.
    mutating func endWaiting(bytes: Int, at now: NIODeadline) {
        note(bytes: bytes, at: now)
        waitingSince = nil
    }

    /// Whether the patience is at its end.
    func isOver(at now: NIODeadline) -> Bool { deadline.map { $0 <= now } ?? false }
}
