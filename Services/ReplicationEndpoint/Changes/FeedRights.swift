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
    func nextCheck(of principal: Principal) -> FeedClock.Instant? {
        principal.name == nil ? nil : .now + Self.period
    }
}
