import CouchProtocol
import DocumentStore
import JSON

/// Finds the rows of a feed, a page at a time.
struct FeedSource: Sendable {
    let store: DocumentStore
    let database: Database
    let request: FeedRequest
    /// What decides about documents, where the filter is a function of a design document.
    let function: FeedFunction?
    let pageLimit: Int

    /// How far a feed has come.
    struct Cursor: Sendable {
        /// The place behind the last row, or further on where nothing more concerns the reader.
        var place: FeedPosition
        /// The number below which a descending feed reads on; nil for an ascending one.
        var before: Int?
        /// How many rows are read at once.
        var page: PageSize
    }

    /// Some rows, in order.
    struct Stretch: Sendable {
        var rows: [FeedRow] = []
        var cursor: Cursor
        /// Whether the feed goes on behind these rows.
        var hasMore: Bool
    }

    /// Where the feed begins.
    func start() async throws -> Cursor {
        let page = PageSize(limit: pageLimit, withBodies: needsBodies)
        if request.isDescending {
            let end = try await store.info(database).updateSeq
            return Cursor(place: FeedPosition(end), before: end + 1, page: page)
        }
        switch request.since {
        case .now:
            return Cursor(place: FeedPosition(try await store.info(database).updateSeq), page: page)
        case .after(let token):
            let place = database.position(of: token)
            return Cursor(place: request.isHolder ? place.ofHolder : place, page: page)
        }
    }

    private var needsBodies: Bool {
        request.content.documents || request.content.leaves || request.filter.needsDocument
    }

    /// The next rows, as many as fit; there may be none although the feed goes on, when none of a page is let through.
    ///
    /// - Parameter room: How many rows are wanted at most.
    func next(_ cursor: Cursor, room: Int, for caller: Caller) async throws -> Stretch {
        // A function is asked about a page at once, however few rows are wanted.
        let asked = function == nil ? room : max(room, cursor.page.rows)
        var stretch = try await unfiltered(cursor, room: asked, for: caller)
        if needsBodies {
            var read = BytesRead()
            if request.content.documents || request.filter.needsDocument {
                read += try await addDocuments(to: &stretch, for: caller)
            }
            if request.content.leaves { read += try await addLeaves(to: &stretch, for: caller) }
            stretch.cursor.page.note(read)
        }
        return cursor.before == nil ? cut(stretch, to: room) : cutDescending(stretch, to: room)
    }

    private func unfiltered(_ cursor: Cursor, room: Int, for caller: Caller) async throws -> Stretch {
        if let before = cursor.before { return try await descending(cursor, before, room: room, for: caller) }
        var next = cursor
        if let selection, caller.feeds == nil,
            let found = try await store.changes(
                of: selection,
                in: database,
                since: cursor.place,
                limit: min(room, cursor.page.rows),
                allLeaves: request.allLeaves
            )
        {
            next.place = found.end
            return Stretch(rows: found.changes.map { FeedRow($0) }, cursor: next, hasMore: found.hasMore)
        }
        // A page of which nothing may be let through is read whole, however few rows are wanted.
        let limit = isSelective ? cursor.page.rows : min(room, cursor.page.rows)
        let page = try await store.changes(
            in: database,
            since: cursor.place,
            limit: limit,
            allLeaves: request.allLeaves,
            for: caller
        )
        next.place = page.end
        var rows: [FeedRow] = []
        rows.reserveCapacity(page.changes.count)
        for change in page.changes where request.filter.admits(change.id) { rows.append(FeedRow(change)) }
        return cut(Stretch(rows: rows, cursor: next, hasMore: page.hasMore), to: room)
    }

    /// Whether the filter may let only a few rows through.
    private var isSelective: Bool {
        switch request.filter {
        case .none, .selector, .function, .view: false
        case .documents, .design: true
        }
    }

    /// The few documents that the filter is about, for a look-up by id.
    private var selection: DocumentSelection? {
        switch request.filter {
        case .documents(let ids) where ids.count <= Self.lookUpLimit: .ids(ids.sorted())
        case .design: .design
        default: nil
        }
    }

    /// How many documents are looked up by id, as in CouchDB; more are filtered out of all changes.
    private static let lookUpLimit = 1_000

    /// The first rows of a stretch: the feed goes on behind the last of them.
    func cut(_ stretch: Stretch, to room: Int) -> Stretch {
        guard stretch.rows.count > room, let last = stretch.rows.prefix(room).last else { return stretch }
        var result = stretch
        result.rows = Array(stretch.rows.prefix(room))
        result.cursor.place = last.place
        result.hasMore = true
        return result
    }
}

// Backwards: windows of the feed, each read forwards, the newest first.
extension FeedSource {
    private func descending(_ cursor: Cursor, _ before: Int, room: Int, for caller: Caller) async throws -> Stretch {
        let wanted = isSelective ? cursor.page.rows : min(room, cursor.page.rows)
        var width = 4 * wanted
        while true {
            let start = max(0, before - 1 - width)
            let rows = try await lastRows(wanted, since: start, before: before, for: caller)
            if rows.count == wanted || start == 0 {
                var next = cursor
                next.before = rows.first.map(\.place.number) ?? 1
                if let first = rows.first { next.place = first.place }
                let admitted = rows.reversed().filter { request.filter.admits($0.id) }
                let hasMore = rows.count == wanted && (next.before ?? 1) > 1
                let stretch = Stretch(rows: admitted, cursor: next, hasMore: hasMore)
                return cutDescending(stretch, to: room)
            }
            width *= 8
        }
    }

    /// The last of the rows within a window, in ascending order.
    private func lastRows(_ count: Int, since: Int, before: Int, for caller: Caller) async throws -> [FeedRow] {
        var rows: [FeedRow] = []
        var place = FeedPosition(since)
        while true {
            let page = try await store.changes(
                in: database,
                since: place,
                limit: pageLimit,
                allLeaves: request.allLeaves,
                for: caller
            )
            // What joining a group brought along has a place of its own further back.
            for change in page.changes where change.position.inner == nil && change.position.number < before {
                var row = FeedRow(change)
                // The walk towards it is not the reader's.
                row.place = FeedPosition(change.position.number)
                rows.append(row)
            }
            if rows.count > count { rows.removeFirst(rows.count - count) }
            place = page.end
            guard page.hasMore, place.number < before - 1 else { return rows }
        }
    }

    func cutDescending(_ stretch: Stretch, to room: Int) -> Stretch {
        var result = cut(stretch, to: room)
        if result.rows.count < stretch.rows.count { result.cursor.before = result.cursor.place.number }
        return result
    }
}

/// How many rows are read at once: many when they are nothing but rows, and with documents so many that the memory
/// stays about the same.
struct PageSize: Sendable {
    private(set) var rows: Int
    private let limit: Int

    private static let byteAim = 2 << 20

    init(limit: Int, withBodies: Bool) {
        self.limit = limit
        rows = withBodies ? min(50, limit) : limit
    }

    /// Notes how large the documents of a page were.
    mutating func note(_ read: BytesRead) {
        guard read.documents > 0 else { return }
        rows = min(max(Self.byteAim / max(read.sum / read.documents, 1), 1), limit)
    }
}

/// How many bytes were read of how many documents.
struct BytesRead: Hashable, Sendable {
    var sum = 0
    var documents = 0

    static func += (lhs: inout BytesRead, rhs: BytesRead) {
        lhs.sum += rhs.sum
        lhs.documents += rhs.documents
    }
}
