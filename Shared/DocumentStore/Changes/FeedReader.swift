import CouchProtocol
import JSON
import Postgres

/// Reads a stretch of the feed of a user, or of nobody.
///
/// The feed has three kinds of entries, in one order: the last change of each document that the reader may read; the
/// last change by which the reader lost something of a document; and the reader's joining of groups, each of which
/// brings the older documents of the group along.
struct FeedReader: Sendable {
    let store: DocumentStore
    let database: Database
    let limit: Int
    let allLeaves: Bool

    /// What a stretch is read with: the database's end and the reader's rights, both of one moment.
    private struct Start {
        let present: Int
        let caller: Caller
        let history: MembershipHistory
        let rows: [FeedRow]
    }

    /// - Returns: Nil when the place is beyond the database's end.
    func read(since position: FeedPosition, for caller: Caller) async throws -> StoredChanges? {
        var start = try await start(since: position, for: caller)
        if !start.history.formerGroups.isEmpty, case .user(let user, _) = start.caller,
            try await store.finishDepartures(of: user, in: database)
        {
            // What the user has lost stands behind the end of before.
            start = try await self.start(since: position, for: start.caller)
        }
        guard position.number <= start.present else { return nil }
        let walk = position.walk ?? FeedPosition.Walk(base: position.base, end: start.present)
        // Who sets out from the beginning has nothing older to get, however many groups were joined since.
        let joinings = start.history.joinings(behind: position.number).filter { walk.backFillEnd(of: $0.seq) > 0 }
        var stretch = Stretch(walk: walk, limit: limit)
        if joinings.isEmpty, start.history.formerGroups.isEmpty {
            // What is committed since the end was read is left to the next stretch, which knows the rights of then.
            stretch.add(start.rows.filter { $0.seq <= start.present })
        } else {
            try await fill(&stretch, since: position, joinings, start)
        }
        let evaluation = FeedEvaluation(
            rules: AccessRules(database.settings),
            caller: start.caller,
            walk: walk,
            history: start.history,
            losses: try await losses(of: stretch.rows.map(\.row), for: start.caller, start.history),
            allLeaves: allLeaves
        )
        let end = stretch.isFull ? stretch.rows.last?.position ?? position : FeedPosition(start.present)
        let changes = try stretch.rows.compactMap { row, place in
            // Behind the database's last change the way is over.
            try evaluation.change(of: row, at: !stretch.isFull && row.seq == start.present ? end : place)
        }
        return StoredChanges(changes: changes, end: end, hasMore: stretch.isFull)
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
    ) async throws -> (start: Start, groups: Set<ExactText>) {
        let name: String? = if case .user(let name, _) = caller { name } else { nil }
        // The end comes first: the rights and rows that follow know of all that is committed up to it.
        let answers = try await store.client.withConnection { connection in
            try await connection.pipeline([
                DocumentStore.endQuery(of: database),
                DocumentStore.groupsQuery(of: name ?? ""),
                """
                SELECT seq, group_name, joined FROM membership_events
                WHERE database = \(database.id) AND user_name = \(name ?? "") AND seq > \(Int64(position.base))
                ORDER BY seq
                """,
                page(since: position.number, before: nil, limit: limit, for: caller, formerGroups: []),
            ])
        }
        guard let end = answers[0].first else { throw CouchError.noDatabase }
        let groups = Set(try answers[1].map { ExactText(try $0.decode(String.self)) })
        let present = Int(try end.decode(Int64.self, at: 0))
        let events = try answers[2].map { row in
            let (seq, group, joined) = try row.decode(Int64.self, String.self, Bool.self)
            return MembershipHistory.Event(seq: Int(seq), group: ExactText(group), joined: joined)
        }
        let start = Start(
            present: present,
            caller: caller,
            history: MembershipHistory(groups: groups, events: events.filter { $0.seq <= present }),
            rows: try answers[3].map(FeedRow.init)
        )
        return (start, groups)
    }

    /// Fills a stretch in which the reader joined or left groups.
    private func fill(
        _ stretch: inout Stretch,
        since position: FeedPosition,
        _ joinings: [MembershipHistory.Event],
        _ start: Start
    ) async throws {
        var number = position.number
        var inner = position.inner
        for joining in joinings {
            try await add(to: &stretch, since: number, before: joining.seq, start)
            guard !stretch.isFull else { return }
            let through = stretch.walk.backFillEnd(of: joining.seq)
            // Who was within the documents of this event goes on there.
            let from = joining.seq == position.number + 1 ? inner ?? 0 : 0
            if from < through {
                let query = backFill(
                    joining.group.text,
                    since: from,
                    through: through,
                    limit: stretch.room,
                    for: start.caller
                )
                stretch.add(try await rows(query), within: joining.seq)
                guard !stretch.isFull else { return }
            }
            number = joining.seq
            inner = nil
        }
        try await add(to: &stretch, since: number, before: start.present + 1, start)
    }

    private func add(to stretch: inout Stretch, since: Int, before: Int, _ start: Start) async throws {
        let query = page(
            since: since,
            before: before,
            limit: stretch.room,
            for: start.caller,
            formerGroups: start.history.formerGroups
        )
        stretch.add(try await rows(query))
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

    /// How many bytes the histories of the rows have.
    private var histories: Int64 = 0

    var room: Int { limit - rows.count }
    /// Whether there may be more rows than there is room for.
    var isFull: Bool { room <= 0 || histories >= PageMemory.histories }

    /// Adds rows at their own places.
    ///
    /// The reader is on the way until the feed is exhausted, even beyond the end of when the way began: what happened
    /// below such a place can have moved above it meanwhile.
    mutating func add(_ new: [FeedRow]) {
        for row in new { add(row, at: FeedPosition(row.seq, walk: walk)) }
    }

    private mutating func add(_ row: FeedRow, at place: FeedPosition) {
        rows.append((row, place))
        histories += Int64(row.content?.tree?.count ?? 0)
    }

    /// Adds older rows that the joining of a group brings.
    mutating func add(_ new: [FeedRow], within event: Int) {
        for row in new { add(row, at: FeedPosition(event - 1, walk: walk, inner: row.seq)) }
    }
}

extension FeedPosition.Walk {
    /// Up to which number the reader lacks the documents of a group that was joined at that event.
    ///
    /// What was read on the way is of the group already when the reader set out after the event.
    fileprivate func backFillEnd(of event: Int) -> Int { event <= end ? base : event - 1 }
}
