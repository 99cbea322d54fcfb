import Crypto
import Synchronization

/// What was looked up a moment ago, to be looked up once for many requests.
///
/// An answer is used for up to a second, and no longer than until somebody says that things have changed: one that was
/// on its way then is given to those who asked before, and not kept.
final class RecentAnswers<Answer: Sendable>: Sendable {
    private struct Known {
        let answer: Answer
        let until: ContinuousClock.Instant
    }

    private struct State {
        var known: [TokenDigest: Known] = [:]
        var epoch = 0
    }

    private let look: @Sendable (String) async throws -> Answer
    private let state = Mutex(State())
    private let memory: Duration
    private let limit: Int

    /// - Parameters:
    ///   - memory: How long an answer is used again: how late a change is noticed of which nobody says anything.
    ///   - limit: How many are kept; more are forgotten all at once.
    init(
        memory: Duration = .seconds(1),
        limit: Int = 50_000,
        look: @escaping @Sendable (String) async throws -> Answer
    ) {
        self.memory = memory
        self.limit = limit
        self.look = look
    }

    func answer(for key: String) async throws -> Answer {
        let digest = TokenDigest(key)
        let (known, epoch) = state.withLock { ($0.known[digest], $0.epoch) }
        if let known, known.until > .now { return known.answer }
        let answer = try await look(key)
        state.withLock { state in
            guard state.epoch == epoch else { return }
            if state.known.count >= limit { state.known.removeAll() }
            state.known[digest] = Known(answer: answer, until: .now + memory)
        }
        return answer
    }

    func forget() {
        state.withLock { state in
            state.known.removeAll()
            state.epoch += 1
        }
    }
}

/// What a token or a name is found by: equal for equal bytes (Swift's strings are equal when Unicode calls them
/// equivalent), and no secret to find in memory.
struct TokenDigest: Hashable, Sendable {
    private let digest: SHA256.Digest

    init(_ text: String) {
        digest = SHA256.hash(data: Array(text.utf8))
    }
}
