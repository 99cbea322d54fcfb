import CouchProtocol
import Foundation
import HTTPTypes
import JSON

/// What a request for `_changes` asks, by the parameters of CouchDB 3.5.
///
/// As there, a switch is on when it says `true` and off when it says anything else, and unknown parameters are passed
/// over.
struct FeedRequest: Sendable {
    enum Feed: String, Sendable {
        case normal
        case longpoll
        case continuous
        case eventsource

        /// Whether it waits for changes when there are none.
        var isLive: Bool { self != .normal }
    }

    let feed: Feed
    let since: Since
    /// Whether the client has documents of the database although it begins anew (`holds=true`, which is our own).
    let isHolder: Bool
    /// How many rows are wanted; 0 counts as 1.
    let limit: Int
    let isDescending: Bool
    /// Whether every leaf is named (`style=all_docs`) or the winner alone.
    let allLeaves: Bool
    let content: Content
    let filter: FeedFilter
    /// How often a sign of life is sent while there is nothing to say; nil for never.
    let heartbeat: Duration?
    /// After how long without changes a live feed ends; nil for never.
    let timeout: Duration?
    /// Only one row in so many says its place: the others are cheaper.
    let sequenceInterval: Int?

    /// What comes with a row.
    struct Content: Sendable {
        /// Whether the document does.
        var documents = false
        /// Whether its `_conflicts` do.
        var conflicts = false
        /// Whether the attachments' contents do, and not only their descriptions.
        var attachments = false
        /// Whether it is said how attachments are encoded.
        var attachmentEncoding = false
        /// Whether the documents of all leaves that are named do, with their histories, as `_bulk_get` has them
        /// (`leaves=true`, which is our own; ``FeedLeaves``).
        var leaves = false
    }

    /// What CouchDB takes for no limit; `seq_interval` counts down from it.
    static let greatestLimit = 1_000_000_000_000_000
    /// What CouchDB waits at most, and between two signs of life.
    private static let longestWait = Duration.seconds(60)
    /// More often than this would be a load and no sign.
    private static let shortestWait = Duration.milliseconds(100)

    /// - Parameters:
    ///   - lastEventID: The header by which a browser that reconnects says how far it came.
    ///   - body: The object in the body of a POST; nil for a GET.
    init(_ query: Query, lastEventID: String? = nil, body: JSONObject? = nil, limits: FeedLimits = FeedLimits()) throws
    {
        guard let feed = query["feed"] == "live" ? .continuous : Feed(rawValue: query["feed"] ?? "normal") else {
            throw CouchError.badRequest("Supported `feed` types: normal, continuous, live, longpoll, eventsource")
        }
        self.feed = feed
        let header = feed == .eventsource ? lastEventID : nil
        since = try Since(parsing: header ?? query["last-event-id"] ?? query["since"] ?? "0")
        isHolder = query["holds"] == "true"
        limit = max(1, try Self.integer("limit", in: query) ?? Self.greatestLimit)
        isDescending = query["descending"] == "true"
        switch query["style"] {
        case nil, "main_only": allLeaves = false
        case "all_docs": allLeaves = true
        case let other?: throw CouchError.queryParseError("Invalid value for style: \(other)")
        }
        content = Content(
            documents: query["include_docs"] == "true",
            conflicts: query["conflicts"] == "true",
            attachments: query["attachments"] == "true",
            attachmentEncoding: query["att_encoding_info"] == "true",
            leaves: query["leaves"] == "true"
        )
        filter = try FeedFilter(query, body, limits)
        heartbeat = try Self.heartbeat(query["heartbeat"])
        // Signs of life keep a feed open for as long as its client wants it.
        let asked = try Self.integer("timeout", in: query).map { Duration.milliseconds($0) }
        timeout = heartbeat == nil ? min(asked ?? Self.longestWait, Self.longestWait) : nil
        sequenceInterval = try query["seq_interval"].map { text in
            guard let interval = Int(text), interval > 0 else { throw CouchError.badRequest("invalid_seq_interval") }
            return interval
        }
    }

    private static func integer(_ name: String, in query: Query) throws(CouchError) -> Int? {
        guard let text = query[name] else { return nil }
        guard let value = Int(text) else {
            throw .badRequest("The \(name) parameter should be a non-negative integer")
        }
        guard value >= 0 else { throw .badRequest("The \(name) value should be a non-negative integer") }
        return value
    }

    private static func heartbeat(_ text: String?) throws(CouchError) -> Duration? {
        switch text {
        case nil, "false": return nil
        case "true": return longestWait
        case let text?:
            guard let milliseconds = Int(text) else {
                throw .badRequest("Invalid heartbeat value. Expecting a positive integer value (in milliseconds).")
            }
            guard milliseconds > 0 else {
                throw .badRequest("The heartbeat value should be a positive integer (in milliseconds).")
            }
            return min(max(.milliseconds(milliseconds), shortestWait), longestWait)
        }
    }
}
