import Foundation

/// What the readers of open feeds may still read.
struct FeedRights: Sendable {
    let authenticator: Authenticator

    /// How long a feed goes without asking; a change of rights wakes it at once.
    private static let period = Duration.seconds(5)

    /// The reader as things are now; nil when the right to go on has ended.
    func current(_ principal: Principal) async throws -> Principal? {
        try await authenticator.current(principal)
    }

    /// When is to be asked again, whatever happens; nil for a reader whose rights do not change.
    ///
    /// Nobody says when a session or a token ends by itself, so that is a time to ask at.
    func nextCheck(of principal: Principal) -> FeedClock.Instant? {
        guard principal.name != nil else { return nil }
        let left = principal.expires.map {
            Duration.milliseconds(1 + Int(max(0, min($0.timeIntervalSinceNow, 60)) * 1_000))
        }
        return .now + min(Self.period, left ?? Self.period)
    }
}
