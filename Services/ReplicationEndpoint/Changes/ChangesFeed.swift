import CouchProtocol
import DocumentStore
import Hummingbird
import JSON
import NIOCore

/// Writes one feed of changes to a client, a page at a time.
struct ChangesFeed: Sendable {
    let store: DocumentStore
    let wakeUps: FeedWakeUps
    let database: Database
    let caller: Caller
    let request: FeedRequest
    let pageSize: Int

    /// How long a feed that waits goes without looking for itself.
    private static let patience = Duration.seconds(15)

    @concurrent func write(since: FeedPosition, to writer: inout some ResponseBodyWriter) async throws {
        guard request.feed != .normal else { return try await writeList(since: since, sleeper: nil, to: &writer) }
        // Before the first look, so that what is committed behind it is not missed.
        let sleeper = wakeUps.enter(database.name, feeds: caller.feeds)
        defer { wakeUps.leave(sleeper) }
        switch request.feed {
        case .normal, .longpoll: try await writeList(since: since, sleeper: sleeper, to: &writer)
        case .continuous: try await writeLines(since: since, sleeper, to: &writer)
        }
    }

    /// `{"results":[…],"last_seq":…,"pending":…}`; a live one waits for a first change.
    @concurrent private func writeList(
        since: FeedPosition,
        sleeper: FeedWakeUps.Sleeper?,
        to writer: inout some ResponseBodyWriter
    ) async throws {
        try await writer.write(ByteBuffer(string: "{\"results\":[\n"))
        var position = since
        var written = 0
        var stretch = try await next(since: position, written: 0)
        if let sleeper {
            var idle = Idle(request)
            while stretch.changes.isEmpty, !idle.isOver, !wakeUps.isEnding {
                position = stretch.end
                try await wait(sleeper, &idle, writer: &writer)
                stretch = try await next(since: position, written: 0)
            }
        }
        while true {
            try await write(stretch, separator: ",\n", isFirst: written == 0, to: &writer)
            written += stretch.changes.count
            position = stretch.end
            guard stretch.hasMore, written < request.limit else { break }
            stretch = try await next(since: position, written: written)
        }
        let pending = stretch.hasMore ? 1 : 0
        let last = database.token(position).sequence.json.text
        try await writer.write(ByteBuffer(string: "\n],\n\"last_seq\":\(last),\"pending\":\(pending)}\n"))
    }

    /// One change a line, for ever or until the limit or the time is reached.
    @concurrent private func writeLines(
        since: FeedPosition,
        _ sleeper: FeedWakeUps.Sleeper,
        to writer: inout some ResponseBodyWriter
    ) async throws {
        var position = since
        var written = 0
        var idle = Idle(request)
        while written < request.limit {
            let stretch = try await next(since: position, written: written)
            position = stretch.end
            if !stretch.changes.isEmpty {
                try await write(stretch, separator: "\n", isFirst: true, to: &writer)
                try await writer.write(ByteBuffer(string: "\n"))
                written += stretch.changes.count
                idle = Idle(request)
            }
            guard !stretch.hasMore else { continue }
            guard !idle.isOver, !wakeUps.isEnding else { break }
            try await wait(sleeper, &idle, writer: &writer)
        }
        let last = database.token(position).sequence.json.text
        try await writer.write(ByteBuffer(string: "{\"last_seq\":\(last),\"pending\":0}\n"))
    }

    private func next(since: FeedPosition, written: Int) async throws -> StoredChanges {
        try await store.changes(
            in: database,
            since: since,
            limit: min(pageSize, request.limit - written),
            allLeaves: request.allLeaves,
            for: caller
        )
    }

    /// Waits for a change, with signs of life in between.
    @concurrent private func wait(
        _ sleeper: FeedWakeUps.Sleeper,
        _ idle: inout Idle,
        writer: inout some ResponseBodyWriter
    ) async throws {
        await wakeUps.wait(sleeper, atMost: min(idle.untilNextSign, Self.patience))
        try Task.checkCancellation()
        if idle.takeSign() { try await writer.write(ByteBuffer(string: "\n")) }
    }

    @concurrent private func write(
        _ stretch: StoredChanges,
        separator: String,
        isFirst: Bool,
        to writer: inout some ResponseBodyWriter
    ) async throws {
        guard !stretch.changes.isEmpty else { return }
        let bodies = request.includesBodies ? try await bodies(of: stretch.changes) : [:]
        var output: [UInt8] = []
        output.reserveCapacity(stretch.changes.count * 120)
        for (index, change) in stretch.changes.enumerated() {
            if index > 0 || !isFirst { output.append(contentsOf: separator.utf8) }
            write(change, bodies[RevisionRequest(id: change.id, revision: change.revisions[0])], to: &output)
        }
        try await writer.write(ByteBuffer(bytes: output))
    }

    private func bodies(of changes: [StoredChange]) async throws -> [RevisionRequest: StoredRevision] {
        let requests = changes.map { RevisionRequest(id: $0.id, revision: $0.revisions[0]) }
        return try await store.fetch(requests, from: database, for: caller, withHistory: false)
    }

    private func write(_ change: StoredChange, _ body: StoredRevision?, to output: inout [UInt8]) {
        output.append(contentsOf: #"{"seq":"#.utf8)
        database.token(change.position).sequence.json.write(to: &output)
        output.append(contentsOf: #","id":"#.utf8)
        JSONValue.write(string: change.id.text, to: &output)
        output.append(contentsOf: #","changes":["#.utf8)
        for (index, revision) in change.revisions.enumerated() {
            output.append(contentsOf: (index > 0 ? #",{"rev":""# : #"{"rev":""#).utf8)
            revision.write(to: &output)
            output.append(contentsOf: #""}"#.utf8)
        }
        output.append(UInt8(ascii: "]"))
        if change.isDeleted { output.append(contentsOf: #","deleted":true"#.utf8) }
        if request.includesBodies {
            output.append(contentsOf: #","doc":"#.utf8)
            if let body {
                OutgoingDocument(body).write(to: &output, rules: database.documentRules)
            } else {
                output.append(contentsOf: "null".utf8)
            }
        }
        output.append(UInt8(ascii: "}"))
    }
}

/// How long a live feed has had nothing to say.
private struct Idle {
    private let heartbeat: Duration?
    private let end: ContinuousClock.Instant?
    private var nextSign: ContinuousClock.Instant?

    init(_ request: FeedRequest) {
        heartbeat = request.heartbeat
        end = request.timeout.map { .now + $0 }
        nextSign = request.heartbeat.map { .now + $0 }
    }

    /// Whether the feed has waited for as long as it may.
    var isOver: Bool { end.map { $0 <= .now } ?? false }

    /// How long until a sign of life is due, or the end.
    var untilNextSign: Duration {
        let moments = [nextSign, end].compactMap(\.self)
        return moments.min().map { max(.milliseconds(1), ContinuousClock.now.duration(to: $0)) } ?? .seconds(3_600)
    }

    /// Whether a sign of life is due now; it is then due again later.
    mutating func takeSign() -> Bool {
        guard let heartbeat, let due = nextSign, due <= .now else { return false }
        nextSign = .now + heartbeat
        return true
    }
}
