/// The indexes of a database that could not be brought up to date, and when each of them is tried again.
///
/// What failed may have been another's fault, a script host's or the server's, and on a quiet database no commit would
/// ever ask again. An index that fails each time is tried once a minute.
struct IndexRetries: Sendable {
    /// An index, as far as its failures are its own: one in a database that was made anew begins anew.
    struct Key: Hashable {
        let incarnation: String
        let signature: [UInt8]
    }

    private struct Failure {
        let pause: Duration
        let next: ContinuousClock.Instant
    }

    static let firstPause = Duration.seconds(1)
    static let longestPause = Duration.seconds(60)

    private var failures: [Key: Failure] = [:]

    /// Whether there is an index to try again.
    func isAnyDue(at now: ContinuousClock.Instant) -> Bool { failures.values.contains { $0.next <= now } }

    /// Whether the index is one to try again; nil when it has not failed.
    func isDue(_ key: Key, at now: ContinuousClock.Instant) -> Bool? { failures[key].map { $0.next <= now } }

    mutating func failed(_ key: Key, at now: ContinuousClock.Instant) {
        let pause = failures[key].map { min($0.pause * 2, Self.longestPause) } ?? Self.firstPause
        failures[key] = Failure(pause: pause, next: now + pause)
    }

    mutating func succeeded(_ key: Key) { failures[key] = nil }

    /// Forgets the indexes that are no more.
    mutating func forget(allBut keys: Set<Key>) { failures = failures.filter { keys.contains($0.key) } }
}
