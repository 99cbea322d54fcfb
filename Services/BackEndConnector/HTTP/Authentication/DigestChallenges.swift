import Foundation
import Synchronization

/// The last challenge of each connector's back end, so that the next request answers it without being asked.
final class DigestChallenges: Sendable {
    private struct Entry {
        let challenge: DigestChallenge
        var count: Int
    }

    private let entries = Mutex<[ConnectorName: Entry]>([:])

    /// Keeps what a back end asked for.
    func keep(_ challenge: DigestChallenge, of name: ConnectorName) {
        entries.withLock { $0[name] = Entry(challenge: challenge, count: 0) }
    }

    /// The value of `Authorization` for a request; nil when nothing was asked yet.
    func header(
        of name: ConnectorName,
        for request: OutgoingRequest,
        user: String,
        password: String
    ) -> String? {
        let entry = entries.withLock { entries -> Entry? in
            entries[name]?.count += 1
            return entries[name]
        }
        guard let entry, let url = URL(string: request.url) else { return nil }
        let path = url.path(percentEncoded: true)
        let query = url.query(percentEncoded: true).map { "?\($0)" } ?? ""
        return entry.challenge.header(
            method: request.method,
            target: (path.isEmpty ? "/" : path) + query,
            user: user,
            password: password,
            count: entry.count,
            clientNonce: UUID().uuidString
        )
    }
}
