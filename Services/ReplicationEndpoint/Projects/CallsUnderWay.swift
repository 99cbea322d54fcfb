import CouchProtocol
import Settings
import Synchronization

/// What can be set of calls of sequences.
enum CallSettings {
    static let perUser = Setting(
        "calls.perUser",
        .int(1...100_000),
        default: 16,
        """
        How many calls of sequences one user, or one address without credentials, may have under way at an instance; \
        more are refused with 429.
        """
    )

    static let all: [any SettingDeclaration] = [perUser]
}

/// Counts the calls that wait for a worker, so that nobody takes all the places that workers have for them.
final class CallsUnderWay: Sendable {
    private let limit: Int
    private let counts = Mutex<[String: Int]>([:])

    /// - Parameter limit: How many calls one caller may have under way.
    init(limit: Int) {
        self.limit = limit
    }

    /// Makes a call, which counts until it is answered; an administrator's does not.
    ///
    /// - Throws: 429 when the caller has as many as one may have, and what the body throws.
    func counting<Result>(
        _ exchange: Exchange,
        _ body: () async throws -> Result
    ) async throws -> Result {
        guard !exchange.principal.isAdministrator else { return try await body() }
        return try await counting(
            exchange.principal.name.map { "user \($0)" } ?? "address \(exchange.client.addressText ?? "")",
            body
        )
    }

    func counting<Result>(_ holder: String, _ body: () async throws -> Result) async throws -> Result {
        let isTaken = counts.withLock { counts in
            guard counts[holder, default: 0] < limit else { return false }
            counts[holder, default: 0] += 1
            return true
        }
        guard isTaken else {
            throw CouchError.tooManyRequests("You have \(limit) calls under way, the most that are allowed.")
        }
        defer { counts.withLock { counts in counts[holder] = counts[holder].flatMap { $0 > 1 ? $0 - 1 : nil } } }
        return try await body()
    }
}
