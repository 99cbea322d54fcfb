import NIOCore
import NIOHTTP1

/// A device that pulls: the feed, then the bodies.
struct Reader: Sendable {
    let client: LoadClient
    let database: String
    /// Where the server does not know whose documents are whose: what a reader owns is then found by a selector.
    var selectedOwner: String?

    /// What a pull brought.
    struct Pull: Sendable {
        let ids: Set<String>
        let bodies: Int
        let duration: Duration
    }

    /// Pulls everything from the beginning.
    func pull() async throws -> Pull {
        let start = ContinuousClock.now
        let rows = FeedRows(try await feed())
        var answers: [ByteBuffer] = []
        for request in rows.requests() {
            answers.append(try await client.ask(.POST, "/\(database)/_bulk_get?revs=true", request))
        }
        let duration = start.duration(to: .now)
        let bodies = answers.reduce(0) { $0 + $1.count(of: #""ok":"#) }
        return Pull(ids: rows.ids, bodies: bodies, duration: duration)
    }

    private func feed() async throws -> ByteBuffer {
        let path = "/\(database)/_changes?style=all_docs&since=0"
        guard let selectedOwner else { return try await client.get(path) }
        let selector = ByteBuffer(string: #"{"selector":{"owner":{"$eq":"\#(selectedOwner)"}}}"#)
        return try await client.ask(.POST, path + "&filter=_selector", selector)
    }
}
