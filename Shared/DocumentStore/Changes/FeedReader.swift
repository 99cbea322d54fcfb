import CouchProtocol
import Postgres

/// Reads a stretch of the feed of a user, or of nobody.
///
/// The feed has three kinds of entries, in one order: the last change of each document that the reader may read; the last
/// change by which the reader lost something of a document; and the reader's joining of groups, each of which brings the
/// older documents of the group along.
struct FeedReader: Sendable {
    let store: DocumentStore
    let database: Database
    let limit: Int
    let allLeaves: Bool

    /// What a stretch is read with: the database's end and the reader's rights, both of one moment.
    private struct Start {
        let present: Int
        let caller: Caller
        /// The last event of each group that the reader has joined or left, behind nothing that is not committed.
        let joins: [String: Int]
        let rows: [FeedRow]
    }

    /// - Returns: Nil when the place is beyond the database's end.
    func read(since position: FeedPosition, for caller: Caller) async throws -> StoredChanges? {
        let start = try await start(since: position, for: caller)
        guard position.number <= start.present else { return nil }
        let walk = position.walk ?? FeedPosition.Walk(base: position.number, end: start.present)
        let pending = start.joins.filter { position.number < $1 && $1 <= start.present }
            .map { (group: $0.key, seq: $0.value) }.sorted { $0.seq < $1.seq }
        var stretch = Stretch(walk: walk, limit: limit)
        if pending.isEmpty {
            // What is committed since the end was read is left to the next stretch, which knows the rights of then.
            stretch.add(start.rows.filter { $0.seq <= start.present })
        } else {
            try await fill(&stretch, since: position, pending, start)
        }
        let evaluation = FeedEvaluation(
            rules: AccessRules(database.settings),
            caller: start.caller,
            walk: walk,
            joins: start.joins,
            losses: try await losses(of: stretch.rows.map(\.row), for: start.caller),
            allLeaves: allLeaves
        )
        return StoredChanges(
            changes: try stretch.rows.compactMap { try evaluation.change(of: $0.row, at: $0.position) },
            end: stretch.isFull ? stretch.rows.last?.position ?? position : FeedPosition(start.present),
            hasMore: stretch.isFull
        )
    }

    /// Reads the end, the rights and, as nearly always nothing else is needed, the first rows.
    private func start(since position: FeedPosition, for caller: Caller) async throws -> Start {
        var caller = caller
        while true {
            let present = try await attempt(since: position, for: caller)
            guard case .user(let name, let groups) = caller, groups != present.groups else { return present.start }
            // The caller came with groups of a moment ago: what is read by them would be less than the place promises.
            caller = .user(name: name, groups: present.groups)
        }
    }

    private func attempt(
        since position: FeedPosition,
        for caller: Caller
    ) async throws -> (start: Start, groups: Set<String>) {
        let name: String? = if case .user(let name, _) = caller { name } else { nil }
        // The end comes first: the rights and rows that follow know of all that is committed up to it.
        let answers = try await store.client.withConnection { connection in
            try await connection.pipeline([
                DocumentStore.endQuery(of: database),
                DocumentStore.groupsQuery(of: name ?? ""),
                """
                SELECT DISTINCT ON (group_name) group_name, seq, joined FROM membership_events
                WHERE database = \(database.id) AND user_name = \(name ?? "") ORDER BY group_name, seq DESC
                """,
                page(since: position.number, before: nil, limit: limit, for: caller),
            ])
        }
        guard let end = answers[0].first else { throw CouchError.noDatabase }
        let groups = Set(try answers[1].map { try $0.decode(String.self) })
        var joins: [String: Int] = [:]
        for event in answers[2] where try event.decode(Bool.self, at: 2) {
            joins[try event.decode(String.self, at: 0)] = Int(try event.decode(Int64.self, at: 1))
        }
        let start = Start(
            present: Int(try end.decode(Int64.self, at: 0)),
            caller: caller,
            joins: joins.filter { groups.contains($0.key) },
            rows: try answers[3].map(FeedRow.init)
        )
        return (start, groups)
    }

    /// Fills a stretch in which the reader joined groups.
    private func fill(
        _ stretch: inout Stretch,
        since position: FeedPosition,
        _ joins: [(group: String, seq: Int)],
        _ start: Start
    ) async throws {
        var number = position.number
        var inner = position.inner
        for join in joins {
            stretch.add(try await rows(page(since: number, before: join.seq, limit: stretch.room, for: start.caller)))
            guard !stretch.isFull else { return }
            let through = stretch.walk.backFillEnd(of: join.seq)
            // Who was within the documents of this event goes on there.
            let from = join.seq == position.number + 1 ? inner ?? 0 : 0
            if from < through {
                let query = backFill(join.group, since: from, through: through, limit: stretch.room, for: start.caller)
                stretch.add(try await rows(query), within: join.seq)
                guard !stretch.isFull else { return }
            }
            number = join.seq
            inner = nil
        }
        let rest = page(since: number, before: start.present + 1, limit: stretch.room, for: start.caller)
        stretch.add(try await rows(rest))
    }

    private func rows(_ query: PostgresQuery) async throws -> [FeedRow] {
        try await store.client.query(query).map(FeedRow.init)
    }
}

/// The rows of a stretch, each with the place behind it.
private struct Stretch {
    let walk: FeedPosition.Walk
    let limit: Int
    private(set) var rows: [(row: FeedRow, position: FeedPosition)] = []

    init(walk: FeedPosition.Walk, limit: Int) {
        self.walk = walk
        self.limit = limit
    }

    var room: Int { limit - rows.count }
    var isFull: Bool { room <= 0 }

    /// Adds rows at their own places.
    mutating func add(_ new: [FeedRow]) {
        for row in new { rows.append((row, FeedPosition(row.seq, walk: row.seq < walk.end ? walk : nil))) }
    }

    /// Adds older rows that the joining of a group brings.
    mutating func add(_ new: [FeedRow], within event: Int) {
        for row in new {
            let walk = event <= walk.end ? walk : nil
            rows.append((row, FeedPosition(event - 1, walk: walk, inner: row.seq)))
        }
    }
}

extension FeedPosition.Walk {
    /// Up to which number the reader lacks the documents of a group that was joined at that event.
    ///
    /// What was read on the way is of the group already when the reader set out after the event.
    fileprivate func backFillEnd(of event: Int) -> Int { event <= end ? base : event - 1 }
}
