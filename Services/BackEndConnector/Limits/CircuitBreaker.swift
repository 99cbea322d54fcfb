/// Keeps calls from a back end that does not answer: after a row of failures it refuses them for a while, then lets one
/// through to see.
///
///     closed ──failures in a row──▶ open ──pause is over──▶ probing ──success──▶ closed
///                                    ▲                         │
///                                    └───── failure, with twice the pause
///
/// A pure state machine: it is told the time and what became of each call that it admitted. A call that was admitted
/// before the state changed says nothing about the new one, so its outcome is ignored.
struct CircuitBreaker: Sendable {
    /// When it opens, and for how long.
    struct Policy: Sendable, Hashable {
        /// How many failures in a row open it.
        var failures = 5
        /// How long it stays open at first.
        var pause: Duration = .seconds(2)
        /// The longest that it stays open between two probes.
        var longestPause: Duration = .seconds(60)
    }

    /// The right to make one call; to be handed back with its outcome.
    struct Permit: Hashable, Sendable {
        fileprivate let era: Int
    }

    enum Decision: Hashable, Sendable {
        case admitted(Permit)
        /// Refused; another call may be tried after that time.
        case refused(retryAfter: Duration)
    }

    /// What a call says about the back end.
    enum Outcome: Hashable, Sendable {
        /// It answered, whatever it said.
        case answered
        /// It could not be reached, or did not answer.
        case failed
        /// The call was given up for a reason that is not the back end's.
        case abandoned
    }

    private enum State: Hashable {
        case closed(failures: Int)
        case open(until: ContinuousClock.Instant, pause: Duration)
        case probing(pause: Duration)
    }

    private let policy: Policy
    private var state = State.closed(failures: 0)
    /// Counts the changes of state.
    private var era = 0

    init(policy: Policy) {
        self.policy = policy
    }

    /// Whether calls are let through as usual.
    var isClosed: Bool {
        if case .closed = state { true } else { false }
    }

    /// Asks for the right to make a call.
    mutating func admit(at now: ContinuousClock.Instant) -> Decision {
        switch state {
        case .closed: return .admitted(Permit(era: era))
        case .open(let until, _) where now < until: return .refused(retryAfter: until - now)
        case .open(_, let pause):
            change(to: .probing(pause: pause))
            return .admitted(Permit(era: era))
        case .probing: return .refused(retryAfter: policy.pause)
        }
    }

    /// Hears what became of a call that was admitted.
    mutating func record(_ outcome: Outcome, of permit: Permit, at now: ContinuousClock.Instant) {
        guard permit.era == era else { return }
        switch (state, outcome) {
        case (.closed, .answered): state = .closed(failures: 0)
        case (.closed(let failures), .failed):
            guard failures + 1 >= policy.failures else {
                state = .closed(failures: failures + 1)
                return
            }
            change(to: .open(until: now + policy.pause, pause: policy.pause))
        case (.closed, .abandoned): break
        case (.probing, .answered): change(to: .closed(failures: 0))
        case (.probing(let pause), .failed):
            let longer = min(pause * 2, policy.longestPause)
            change(to: .open(until: now + longer, pause: longer))
        case (.probing(let pause), .abandoned): change(to: .open(until: now, pause: pause))
        case (.open, _): preconditionFailure("an open breaker has admitted nothing")
        }
    }

    private mutating func change(to state: State) {
        self.state = state
        era += 1
    }
}
