import CouchProtocol
import Foundation

/// What a request for `_changes` asks.
struct FeedRequest: Sendable {
    enum Feed: String, Sendable {
        case normal
        case longpoll
        case continuous
    }

    let feed: Feed
    let since: Since
    let limit: Int
    let allLeaves: Bool
    let includesBodies: Bool
    /// How often a sign of life is sent while there is nothing to say; nil for never.
    let heartbeat: Duration?
    /// After how long a live feed without changes ends; nil for never.
    let timeout: Duration?

    /// The most rows that a request without a limit gets, as in CouchDB.
    private static let greatestLimit = 1_000_000_000_000
    private static let defaultHeartbeat = Duration.seconds(60)
    private static let defaultTimeout = Duration.seconds(60)

    /// What a feed can be asked in CouchDB and not here: better an error than other changes than those asked for.
    private static let notBuilt = ["filter", "view", "doc_ids", "selector"]

    init(_ query: Query) throws(CouchError) {
        let isDescending = try query.bool("descending")
        if let name = isDescending ? "descending" : Self.notBuilt.first(where: { query[$0] != nil }) {
            throw CouchError(
                status: 501,
                error: "not_implemented",
                reason: "The parameter '\(name)' of _changes is not supported."
            )
        }
        guard let feed = Feed(rawValue: query["feed"] ?? "normal") else {
            throw .badRequest("Supported `feed` types: normal, continuous, longpoll")
        }
        self.feed = feed
        since = try Since(parsing: query["since"] ?? "0")
        // A limit of 0 is taken as 1, as in CouchDB.
        limit = max(1, try query.count("limit") ?? Self.greatestLimit)
        switch query["style"] {
        case nil, "main_only": allLeaves = false
        case "all_docs": allLeaves = true
        case let other?: throw .queryParseError("Invalid value for style: \(other)")
        }
        includesBodies = try query.bool("include_docs")
        switch query["heartbeat"] {
        case nil, "false": heartbeat = nil
        case "true": heartbeat = Self.defaultHeartbeat
        case let text?:
            guard let milliseconds = Int(text), milliseconds > 0 else {
                throw .queryParseError("Invalid value for heartbeat: \"\(text)\"")
            }
            heartbeat = .milliseconds(max(milliseconds, 100))
        }
        let limit = try query.count("timeout").map { Duration.milliseconds($0) }
        timeout = heartbeat == nil ? min(limit ?? Self.defaultTimeout, Self.defaultTimeout) : limit
    }
}
