package import Logging
package import Postgres

/// CouchDB's documents over PostgreSQL: databases, revisions, access rules and feeds.
///
/// A document is one row of `documents` with its revision tree, and a row of `bodies` for each revision whose content
/// is kept. Every change takes the next number of its database's counter, in the order of the commits; `feed_entries`
/// holds the same numbers once for each owner and group, so that a user's changes are read from an index.
package final class DocumentStore: Sendable {
    package let client: PostgresClient
    let logger: Logger
    let limits: WriteLimits
    let feeds: FeedRegistry
    let commits = CommitQueues()
    let notifier: CommitNotifier
    let validator: (any WriteValidator)?
    let validations = ValidationCache()
    let recentDatabases = RecentDatabases()
    let recentCounts = RecentCounts()
    /// Of each database the largest document.
    let largestDocuments = RecentSizes<Int32>()

    /// - Parameters:
    ///   - limits: How large what is written may make a document.
    ///   - validator: Who decides about writes as design documents say; nil where nothing is written on anybody's
    ///     behalf.
    package init(
        _ client: PostgresClient,
        limits: WriteLimits = WriteLimits(),
        validator: (any WriteValidator)? = nil,
        logger: Logger
    ) {
        self.limits = limits
        self.validator = validator
        self.client = client
        self.logger = logger
        feeds = FeedRegistry(client)
        notifier = CommitNotifier(client, logger: logger)
    }

    /// Keeps one connection for the reads of `body` that follow one another, so that they cost fewer thread switches.
    ///
    /// `body` must wait for nothing but its reads: nobody else has the connection meanwhile.
    package func keepingConnection<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        try await client.keepingConnection(body)
    }
}
