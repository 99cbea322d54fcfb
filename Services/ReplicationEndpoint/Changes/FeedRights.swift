import Foundation

/// What the readers of open feeds may still read.
///
/// When somebody's rights change all feeds are woken and ask; what ends by itself, with time, they know beforehand.
struct FeedRights: Sendable {
    let authenticator: Authenticator

    /// How long a feed goes without asking, whatever is said.
    private static let period = Duration.seconds(60)

    /// The reader as things are now; nil when the right to go on has ended.
    func current(_ principal: Principal) async throws -> Principal? {
        try await authenticator.current(principal)
    }

    /// When is to be asked again, whatever happens; nil for a reader whose rights do not change.
    ///
    /// Nobody says when a session or a token ends by itself, so that is a time to ask at.
    func nextCheck(of principal: Principal) -> FeedClock.Instant? {
        guard principal.name != nil else { return nil }
        let rest = principal.expires.map { Duration.seconds($0.timeIntervalSinceNow) } ?? Self.period
        // A moment later, so that it is over when it is asked.
        return .now + min(max(rest, .zero) + .milliseconds(50), Self.period)
    }
}
