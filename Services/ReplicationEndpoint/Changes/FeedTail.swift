import CouchProtocol
import DocumentStore
import Logging
import ServiceLifecycle

/// Looks once a second, for all feeds of this instance together, whether one of them missed something.
///
/// A message about a change names the feeds of what won; other branches have readers, too, and a message can be lost
/// with the broker. The cost follows the number of different owners and groups that wait, and is nothing while nothing
/// is committed.
struct FeedTail: Service {
    let store: DocumentStore
    let wakeUps: FeedWakeUps
    let logger: Logger

    private static let period = Duration.seconds(1)
    /// A feed that is about more documents looks for itself.
    private static let documentLimit = 100

    func run() async {
        await cancelWhenGracefulShutdown {
            // The ends of the databases when all was well.
            var settled: [String: Int] = [:]
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.period)
                do {
                    settled = try await look(settled)
                } catch {
                    logger.warning("Missed changes could not be looked for", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    /// Wakes who is behind.
    ///
    /// - Parameter settled: The ends of the databases at the last look.
    /// - Returns: Their ends now.
    private func look(_ settled: [String: Int]) async throws -> [String: Int] {
        let byDatabase = Dictionary(grouping: wakeUps.all, by: \.database)
        guard !byDatabase.isEmpty else { return [:] }
        let ends = try await store.ends(ofDatabases: Array(byDatabase.keys))
        for (database, feeds) in byDatabase {
            guard let end = ends[database] else {
                // The database is gone; they find that out by looking.
                for feed in feeds { feed.signal(.change) }
                continue
            }
            // Who has seen what is not there yet has seen it in a database that was made anew since.
            for feed in feeds where feed.seen > end { feed.signal(.change) }
            let behind = feeds.filter { $0.seen < end }
            guard settled[database] != end, !behind.isEmpty else { continue }
            try await wake(behind.filter { !Self.isAboutFew($0) }, of: database)
            try await wakeByDocuments(behind.filter(Self.isAboutFew), of: database)
        }
        return ends
    }

    private static func isAboutFew(_ feed: LiveFeed) -> Bool {
        feed.documents.map { $0.count <= documentLimit } ?? false
    }

    /// Wakes those whose few documents have changed.
    private func wakeByDocuments(_ behind: [LiveFeed], of database: String) async throws {
        let asked = behind.reduce(into: Set<DocumentID>()) { $0.formUnion($1.documents ?? []) }
        guard !asked.isEmpty else { return }
        let ends = try await store.ends(of: Array(asked), inDatabase: database)
        for feed in behind where feed.documents?.contains(where: { ends[$0] ?? 0 > feed.seen }) == true {
            feed.signal(.change)
        }
    }

    private func wake(_ behind: [LiveFeed], of database: String) async throws {
        var asked: Set<Feed> = []
        for feed in behind {
            guard let feeds = feed.feeds else {
                feed.signal(.change)
                continue
            }
            asked.formUnion(feeds)
        }
        guard !asked.isEmpty else { return }
        let ends = try await store.ends(of: Array(asked), inDatabase: database)
        for feed in behind {
            guard let feeds = feed.feeds, feeds.contains(where: { ends[$0] ?? 0 > feed.seen }) else { continue }
            feed.signal(.change)
        }
    }
}
