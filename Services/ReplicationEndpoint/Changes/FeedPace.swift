/// When a feed that has nothing to say gives a sign of life, and when it gives up.
struct FeedPace {
    typealias Instant = FeedClock.Instant

    private let heartbeat: Duration?
    private let timeout: Duration?
    /// When a sign of life is due; nil for never.
    private(set) var nextSign: Instant?
    /// When the feed has waited for as long as it may; nil for never.
    private(set) var end: Instant?

    /// How long CouchDB's normal feed is silent at most while its rows are looked for.
    private static let silence = Duration.seconds(5)

    init(_ request: FeedRequest, now: Instant = .now) {
        heartbeat = request.feed.isLive ? request.heartbeat : request.heartbeat ?? Self.silence
        timeout = request.feed.isLive ? request.timeout : nil
        noteRows(now: now)
    }

    /// Rows were sent: all times begin anew.
    mutating func noteRows(now: Instant = .now) {
        nextSign = heartbeat.map { now + $0 }
        end = timeout.map { now + $0 }
    }

    /// Whether a sign of life is due; it is then due again later.
    mutating func takeSign(now: Instant = .now) -> Bool {
        guard let heartbeat, let due = nextSign, due <= now else { return false }
        nextSign = now + heartbeat
        return true
    }

    /// Whether the feed has waited for as long as it may.
    func isOver(now: Instant = .now) -> Bool {
        end.map { $0 <= now } ?? false
    }
}
