import CouchProtocol
public import JSON

/// Which way a sync goes.
public enum SyncDirection: String, Hashable, Sendable, CaseIterable {
    /// What was done on the device goes to the server.
    case push
    /// What the user may read comes to the device.
    case pull
}

/// How a database is kept in step with the server.
public struct SyncOptions: Hashable, Sendable {
    /// Which ways it goes.
    public var directions: Set<SyncDirection> = [.push, .pull]
    /// Whether it goes on when all is in step, until it is cancelled.
    public var isLive = false
    /// How many changes are brought over at once, from 1 to 10,000; with ``batchesLimit`` it bounds the memory that is
    /// used.
    ///
    /// PouchDB, and with it the reference, takes 100, ten of which are under way: as many documents at a time, in five
    /// times as many requests.
    public var batchSize = 500
    /// How many batches are under way at a time, from 1 to 16; PouchDB takes 10 (of 100).
    public var batchesLimit = 2
    /// The only documents that are brought over, by their ids; nil for all.
    public var documents: [String]?
    /// A filter function of a design document that decides on the server what is pulled, as `design/function`.
    public var filter: String?
    /// Parameters for the filter function.
    public var filterParameters: [String: String] = [:]
    /// A Mango selector that decides on the server what is pulled, such as `["type": "order"]`; nil for all.
    ///
    /// At most one of this, ``documents`` and ``filter`` may be given.
    public var selector: JSONObject?
    /// The place in the server's changes behind which a pull begins, as the server says it (`update_seq`, `last_seq`);
    /// nil to go on where the last one has come to.
    ///
    /// What came before is taken as being on the device: no later pull brings it unless it changes. A push does not
    /// mind it.
    public var since: String?
    /// How often in a row a sync that is not live tries before it gives up; a live one never does.
    public var attempts = 5
    /// Whether a sync that is not live tries until it is done, and waits for a login: as the first one of a live call.
    var isPatient = false
    /// Whether a live sync never gives up.
    var isEndless = true
    /// How long the longest pause between two tries is; pauses grow up to it.
    public var longestPause = Duration.seconds(300)
    /// How long a live pull waits for changes in one request, from a second to 60.
    public var wait = Duration.seconds(30)
    /// How often the server gives a sign of life while a live pull waits, from a second to 60; nil for never.
    ///
    /// For where something on the way closes connections on which nothing happens. A request then waits until there is
    /// a change, whatever ``wait`` says.
    public var heartbeat: Duration?

    /// Both ways, once, for all documents.
    public init() {}

    func check() throws(CouchError) {
        guard [documents != nil, filter != nil, selector != nil].count(where: \.self) <= 1 else {
            throw .badRequest("A sync takes only one of documents, filter and selector.")
        }
    }
}

/// How far a sync has come.
public struct SyncProgress: Hashable, Sendable {
    /// What the sync is doing.
    public enum State: Hashable, Sendable {
        /// Changes are being brought over.
        case running
        /// Everything is in step; a live sync waits for changes.
        case upToDate
        /// The other side cannot be reached; the sync tries again by itself after the pause.
        case waiting(Duration, reason: String)
        /// The session has ended; the sync goes on after ``FullSyncClient/login(name:password:)``.
        case needsLogin
        /// The application is suspended; the sync goes on after ``FullSyncClient/resume()``.
        case suspended
    }

    /// Which way these changes go.
    public let direction: SyncDirection
    /// What is being done.
    public let state: State
    /// How many changes have been brought over.
    public let current: Int
    /// How many changes there are, as far as is known; never less than ``current``.
    public let total: Int
    /// Whether the sync goes on when all is in step.
    public let isLive: Bool

    /// The part that is done, from 0 to 100.
    public var percentage: Int { total == 0 ? 100 : Int(Double(current) / Double(total) * 100) }
}

/// What a sync has brought over.
public struct SyncResult: Hashable, Sendable {
    /// How many revisions came to the device.
    public internal(set) var pulled = 0
    /// How many revisions the server took.
    public internal(set) var pushed = 0
    /// How many revisions the server refused; see ``FullSyncDatabase/refusedEdits()``.
    public internal(set) var refused = 0
    /// How many revisions came that the device could not take, such as those that are too large for it.
    public internal(set) var failed = 0

    package init() {}
}

/// A sync that is under way.
public struct SyncTask: Sendable {
    /// What the sync does, as it does it; the newest is kept for a reader that is slow.
    public let progress: AsyncStream<SyncProgress>
    let task: Task<SyncResult, any Error>
    let ways: SyncWays

    /// What the sync has brought over when it has ended, which a live one does when it is cancelled.
    ///
    /// - Throws: ``FullSyncError`` when it has failed for good; `CancellationError` when it was cancelled.
    public var result: SyncResult {
        get async throws { try await task.value }
    }

    /// Ends the sync.
    ///
    /// What it has brought over stays, and the next one goes on from there.
    public func cancel() {
        task.cancel()
    }
}
