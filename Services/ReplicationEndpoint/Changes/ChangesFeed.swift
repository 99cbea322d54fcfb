import CouchProtocol
import DocumentStore
import Hummingbird
import NIOCore

/// Writes one feed of changes to a client, a page at a time, and waits for more where that was asked for.
///
/// It never holds more than two pages, sends no faster than the client takes, and asks before each page what the reader
/// may still read.
///
/// Its parts are not inlined into one another: a task keeps room for all that its present functions may need, and
/// thousands of feeds stay in ``idle(_:)``. In one function they took 20 KB each.
final class ChangesFeed {
    private let source: FeedSource
    private let wakeUps: FeedWakeUps
    private let rights: FeedRights
    private let format: FeedFormat
    private let live: LiveFeed
    private var cursor: FeedSource.Cursor
    /// The rows behind the cursor, where they were looked for before the answer began.
    private var first: FeedSource.Stretch?
    private var remaining: Int
    private var pace: FeedPace
    private var principal: Principal
    /// Whether the reader's rights are those that the request was let in with.
    private var isFresh = true
    private var hasWaited = false
    /// The page behind the one that is being written.
    private var ahead: PageAhead?
    private var readsAhead = true

    private var request: FeedRequest { source.request }

    /// How many bytes are sent at once.
    private static let chunk = 64 << 10

    init(
        _ source: FeedSource,
        since cursor: FeedSource.Cursor,
        first: FeedSource.Stretch? = nil,
        live: LiveFeed,
        for principal: Principal,
        rights: FeedRights,
        wakeUps: FeedWakeUps
    ) {
        self.source = source
        self.cursor = cursor
        self.first = first
        self.live = live
        self.principal = principal
        self.rights = rights
        self.wakeUps = wakeUps
        format = FeedFormat(source.request, source.database)
        remaining = source.request.limit
        pace = FeedPace(source.request)
    }

    /// Writes the feed to its end.
    @inline(never)
    @concurrent func write(to writer: inout any ResponseBodyWriter) async throws {
        try await send(format.head, to: &writer)
        var pending: Int? = 0
        defer { ahead?.cancel() }
        while true {
            guard try await mayGoOn() else { break }
            let stretch = try await look(&writer)
            readAhead(behind: stretch)
            try await write(stretch.rows, to: &writer)
            cursor = stretch.cursor
            guard remaining > 0 else {
                pending = try await stretch.hasMore ? rest() : 0
                break
            }
            if stretch.hasMore {
                guard !wakeUps.isEnding || !request.feed.isLive else { break }
                continue
            }
            live.seen = cursor.place.number
            guard request.feed.isLive, !request.isDescending, !(request.feed == .longpoll && hasRows) else { break }
            guard try await idle(&writer) else { break }
        }
        try await send(format.end(at: cursor.place, pending: pending), to: &writer)
    }

    private var hasRows: Bool { remaining < request.limit }

    /// How many rows there are behind the last one, for the reader as things are now.
    @inline(never)
    @concurrent private func rest() async throws -> Int? {
        let since = request.isDescending ? FeedPosition.beginning : cursor.place
        let all = try await source.store.pending(in: source.database, since: since, for: principal.caller)
        guard request.isDescending else { return all }
        return all.map { max(0, $0 - (request.limit - remaining)) }
    }

    // MARK: - Rights

    /// Whether the reader still may; what the reader may read is then what counts from here on.
    @inline(never)
    @concurrent private func mayGoOn() async throws -> Bool {
        guard !isFresh else {
            isFresh = false
            return true
        }
        live.beginCheck()
        guard let now = try await rights.current(principal),
            try await source.store.isOpen(source.database, to: now.caller)
        else { return false }
        let isOther = now.caller != principal.caller
        principal = now
        if isOther {
            wakeUps.move(live, to: now.caller.readFeeds)
            live.signal(.change)
        }
        return true
    }

    // MARK: - Reading

    /// The next rows, with signs of life while they are looked for.
    @inline(never)
    @concurrent private func look(_ writer: inout any ResponseBodyWriter) async throws -> FeedSource.Stretch {
        // Whoever looked before the answer began has begun that look then.
        if let stretch = first {
            first = nil
            return stretch
        }
        let page =
            takeAhead() ?? PageAhead(source, behind: cursor, room: remaining, for: principal.caller, live)
        do {
            while !page.isThere {
                await live.wait(until: pace.nextSign, forChanges: false)
                try checkIsWanted()
                if pace.takeSign() { try await send(format.sign, to: &writer) }
            }
        } catch {
            page.cancel()
            throw error
        }
        return try await page.rows()
    }

    /// Begins to read what comes behind these rows, while they are written.
    private func readAhead(behind stretch: FeedSource.Stretch) {
        let room = remaining - stretch.rows.count
        guard readsAhead, stretch.hasMore, room > 0, !wakeUps.isEnding else { return }
        ahead = PageAhead(source, behind: stretch.cursor, room: room, for: principal.caller, live)
    }

    /// The page that was read ahead, when it is what the reader may read now.
    private func takeAhead() -> PageAhead? {
        guard let page = ahead else { return nil }
        ahead = nil
        if page.isFresh, page.caller == principal.caller { return page }
        page.cancel()
        // Who takes long for a page would have each read twice.
        if !page.isFresh { readsAhead = false }
        return nil
    }

    /// Waits for a change, with signs of life.
    ///
    /// - Returns: Whether there is something to look for; false when the feed is at its end.
    @inline(never)
    @concurrent private func idle(_ writer: inout any ResponseBodyWriter) async throws -> Bool {
        if !hasRows, !hasWaited { try await send(format.waiting, to: &writer) }
        hasWaited = true
        while true {
            guard !pace.isOver(), !wakeUps.isEnding else { return false }
            // Who was told of rights while rows were looked for, or before the feed was known here, has not asked yet.
            if live.mustCheck, try await !mayGoOn() { return false }
            if live.isChanged { return true }
            let check = rights.nextCheck(of: principal)
            await live.wait(until: [pace.nextSign, pace.end, check].compactMap(\.self).min(), forChanges: true)
            try checkIsWanted()
            if pace.takeSign() { try await send(format.sign, to: &writer) }
            guard try await mayGoOn() else { return false }
        }
    }

    private func checkIsWanted() throws {
        try Task.checkCancellation()
        if live.isGone { throw ClientHungUp() }
    }

    // MARK: - Writing

    @inline(never)
    @concurrent private func write(_ rows: [FeedRow], to writer: inout any ResponseBodyWriter) async throws {
        guard !rows.isEmpty else { return }
        var output: [UInt8] = []
        output.reserveCapacity(min(rows.count * 160, Self.chunk * 2))
        for row in rows {
            let gaps = format.write(row, isFirst: !hasRows, remaining: remaining, to: &output)
            remaining -= 1
            if !gaps.isEmpty {
                try await send(output, gaps, to: &writer)
                output.removeAll(keepingCapacity: true)
            }
            guard output.count >= Self.chunk else { continue }
            try await send(output, to: &writer)
            output.removeAll(keepingCapacity: true)
        }
        try await send(output, to: &writer)
        pace.noteRows()
    }

    @inline(never)
    @concurrent private func send(_ text: String, to writer: inout any ResponseBodyWriter) async throws {
        try await send(Array(text.utf8), to: &writer)
    }

    /// Sends a text with the contents of attachments in its gaps.
    @inline(never)
    @concurrent private func send(
        _ text: [UInt8],
        _ gaps: [ContentGap],
        to writer: inout any ResponseBodyWriter
    ) async throws {
        var start = 0
        for gap in gaps {
            try await send(Array(text[start..<gap.place]), to: &writer)
            start = gap.place
            var reader = try Base64Reader(gap.attachment, from: source.store)
            while let text = try await reader.next() { try await send(text, to: &writer) }
        }
        try await send(Array(text[start...]), to: &writer)
    }

    /// Sends bytes, no faster than the client takes them, in pieces.
    @inline(never)
    @concurrent private func send(_ bytes: [UInt8], to writer: inout any ResponseBodyWriter) async throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            try checkIsWanted()
            try await writer.write(ByteBuffer(bytes: rest.prefix(Self.chunk)))
            rest = rest.dropFirst(Self.chunk)
        }
    }
}

/// The client has hung up: nobody is left to be told anything.
struct ClientHungUp: Error {}
