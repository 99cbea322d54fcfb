import Executors
import Synchronization

/// More passwords wait to be checked than is sensible.
package struct PasswordHasherIsBusy: Error {}

/// Computes the hashes of passwords on threads of its own, a few at a time.
///
/// A guess is as dear to the server as it should be to the one who guesses: what waits is bounded, and who comes when
/// the line is full is told so at once.
package final class PasswordHasher: Sendable {
    private let threads: ThreadPoolExecutor
    private let cost: PasswordHash.Cost
    /// The most that compute and wait together.
    private let limit: Int
    private let underway = Mutex(0)

    package init(
        threads: Int = 2,
        limit: Int = 64,
        cost: PasswordHash.Cost = .standard
    ) {
        self.threads = ThreadPoolExecutor(name: "passwords", maximumThreads: threads)
        self.limit = limit
        self.cost = cost
    }

    deinit { threads.shutdown() }

    /// The hash of a new password.
    package func hash(_ password: String) async throws -> PasswordHash {
        try await run { [cost] in try PasswordHash(password, cost: cost) }
    }

    /// Whether the password is the one of the hash; without a hash the same work is done, and the answer is no.
    package func matches(_ password: String, _ hash: PasswordHash?) async throws -> Bool {
        try await run { [cost] in
            if let hash { return try hash.matches(password) }
            _ = try PasswordHash(password, cost: cost)
            return false
        }
    }

    private func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        let mayEnter = underway.withLock { underway in
            guard underway < limit else { return false }
            underway += 1
            return true
        }
        guard mayEnter else { throw PasswordHasherIsBusy() }
        defer { underway.withLock { $0 -= 1 } }
        return try await threads.run(work)
    }
}
