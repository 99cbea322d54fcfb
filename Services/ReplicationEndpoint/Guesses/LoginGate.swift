import CouchProtocol
import Metrics
import Synchronization

/// Lets logins be tried, as often as ``GuessThrottle`` allows, and counts how they end.
///
/// Each instance counts for itself: behind a balancer that spreads clients over n instances, n times as many guesses
/// are free.
final class LoginGate: Sendable {
    private let throttle: Mutex<GuessThrottle>

    init(rules: GuessThrottle.Rules = GuessThrottle.Rules()) {
        throttle = Mutex(GuessThrottle(rules: rules))
    }

    /// Refuses one for whom the way is closed.
    func check(_ guesser: GuessThrottle.Guesser) throws(TooManyGuesses) {
        do throws(GuessThrottle.Refusal) {
            try throttle.withLock { state throws(GuessThrottle.Refusal) in try state.check(guesser, at: .now) }
        } catch {
            throw Self.refusal(error)
        }
    }

    /// Lets one try, unless the way is closed.
    func pass<Value: Sendable>(
        _ guesser: GuessThrottle.Guesser,
        try attempt: () async throws -> Value
    ) async throws -> Value {
        do throws(GuessThrottle.Refusal) {
            try throttle.withLock { state throws(GuessThrottle.Refusal) in try state.begin(guesser, at: .now) }
        } catch {
            throw Self.refusal(error)
        }
        do {
            let value = try await attempt()
            finish(guesser, .right)
            return value
        } catch let error as CouchError where error.status == 401 {
            finish(guesser, .wrong)
            throw error
        } catch {
            finish(guesser, .unknown)
            throw error
        }
    }

    private func finish(_ guesser: GuessThrottle.Guesser, _ outcome: GuessThrottle.Outcome) {
        throttle.withLock { state in
            var dice = SystemRandomNumberGenerator()
            state.finish(guesser, outcome, at: .now, using: &dice)
        }
        let label =
            switch outcome {
            case .right: "accepted"
            case .wrong: "refused"
            case .unknown: "unknown"
            }
        Counter(label: "fullsync_logins_total", dimensions: [("outcome", label)]).increment()
    }

    private static func refusal(_ refusal: GuessThrottle.Refusal) -> TooManyGuesses {
        Counter(label: "fullsync_logins_throttled_total", dimensions: [("scope", refusal.scope.rawValue)]).increment()
        let error: CouchError =
            switch refusal.scope {
            // As CouchDB 3.5 says it.
            case .userAtAddress:
                .forbidden("Account is temporarily locked due to multiple authentication failures")
            case .user: .tooManyRequests("Too many logins of this user have failed. Try again later.")
            case .address: .tooManyRequests("Too many logins from this address have failed. Try again later.")
            }
        return TooManyGuesses(error: error, wait: refusal.wait)
    }
}

/// Somebody guesses passwords, or has to bear that somebody else does.
struct TooManyGuesses: Error, Sendable {
    let error: CouchError
    /// After how long another try makes sense.
    let wait: Duration
}
