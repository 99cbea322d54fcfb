import CouchProtocol
import JSON
import Postgres
import TestSupport
import Testing

@testable import DocumentStore

/// Random writes and retags by several processes at once, and followers that resume anywhere.
@Suite(.database) struct FeedTests {
    private static let users: [Caller] = [
        .user(name: "ann", groups: ["red"]), .user(name: "bob", groups: ["red", "blue"]),
        .user(name: "cleo", groups: []), .user(name: "zed", groups: ["secret"]), TestStore.administrator,
    ]

    @Test func `each follower ends with what a look at every document says, and never sees another's`() async throws {
        let first = try await TestStore.make()
        for case .user(let name, let groups) in Self.users {
            try await first.store.setGroups(groups, of: name, by: .administrator)
        }
        var generator = SeededGenerator.announced()
        let stores = [first, try await first.another(), try await first.another()]
        let writers = Countdown(stores.count * 2)
        let seeds = (0..<12).map { _ in generator.next() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, store) in (stores + stores).enumerated() {
                group.addTask {
                    defer { writers.countDown() }
                    try await Self.write(40, to: store, SeededGenerator(seed: seeds[index]))
                }
            }
            for (index, user) in Self.users.enumerated() {
                group.addTask {
                    let isOver = { writers.isOver }
                    let generator = SeededGenerator(seed: seeds[6 + index])
                    let held = try await Self.follow(user, stores, generator, until: isOver)
                    try await Self.check(held, user, first)
                }
            }
            try await group.waitForAll()
        }
        try await Self.checkNumbers(first)
        for store in stores { await store.close() }
    }

    /// Makes random changes; some of their transactions take longer than others.
    private static func write(_ count: Int, to store: TestStore, _ seeded: SeededGenerator) async throws {
        var generator = seeded
        for _ in 0..<count {
            var edits: [DocumentEdit] = []
            for _ in 0..<Int.random(in: 1...4, using: &generator) { edits.append(try await edit(store, &generator)) }
            let pause = Double.random(in: 0...0.02, using: &generator)
            if Bool.random(using: &generator) {
                _ = try await store.store.write(edits, to: store.database, by: TestStore.administrator)
            } else {
                _ = try await store.store.write(
                    edits,
                    to: store.database,
                    by: TestStore.administrator,
                    with: { _ in ["SELECT pg_sleep(\(pause))"] },
                    check: { _ in }
                )
            }
        }
    }

    private static func edit(_ store: TestStore, _ generator: inout SeededGenerator) async throws -> DocumentEdit {
        let isSecret = Int.random(in: 0..<5, using: &generator) == 0
        let id = (isSecret ? "secret-" : "open-") + String(Int.random(in: 0..<12, using: &generator))
        let owners: [String?] = isSecret ? ["zed"] : [nil, "ann", "bob", "cleo"]
        let groups: [[String]] = isSecret ? [["secret"], []] : [[], [], ["red"], ["blue"], ["red", "blue"]]
        let tags = Tags(
            owner: owners.randomElement(using: &generator) ?? nil,
            groups: groups.randomElement(using: &generator) ?? []
        )
        let body = "{\"n\":\(generator.next() >> 12)}"
        // Now and then a branch that another replica made.
        if Int.random(in: 0..<4, using: &generator) == 0 {
            let hash = String(generator.next() % 1_000, radix: 16)
            return .made(id, ["\(Int.random(in: 1...4, using: &generator))-\(hash)"], body, tags: AskedTags(tags))
        }
        let current = try await store.store.document(
            DocumentID(stored: id),
            in: store.database,
            for: TestStore.administrator
        )
        let deleted = current?.isDeleted == false && Int.random(in: 0..<4, using: &generator) == 0
        return .next(id, after: current?.revision, body, tags: AskedTags(tags), deleted: deleted)
    }

    /// What a device holds that follows the user's feed, a few rows at a time, by whichever process answers.
    private static func follow(
        _ user: Caller,
        _ stores: [TestStore],
        _ seeded: SeededGenerator,
        until isOver: () -> Bool
    ) async throws -> [DocumentID: StoredChange] {
        var generator = seeded
        var held: [DocumentID: StoredChange] = [:]
        var since = FeedPosition.beginning
        while true {
            let wasOver = isOver()
            guard let store = stores.randomElement(using: &generator) else { return held }
            let limit = Int.random(in: 1...5, using: &generator)
            let stretch = try await store.store.changes(
                in: store.database,
                since: since,
                limit: limit,
                allLeaves: true,
                for: user
            )
            for change in stretch.changes {
                #expect(change.position.number > since.number)
                since = change.position
                held[change.id] = change
                let requests = change.revisions.map { RevisionRequest(id: change.id, revision: $0) }
                for (_, found) in try await store.store.fetch(requests, from: store.database, for: user) {
                    #expect(AccessRules(store.database.settings).mayRead(found.tags, user))
                }
            }
            #expect(stretch.end.number >= since.number)
            since = stretch.end
            if wasOver, !stretch.hasMore { return held }
        }
    }

    /// Compares with every tree of the database, and with a reader that begins anew.
    private static func check(_ held: [DocumentID: StoredChange], _ user: Caller, _ store: TestStore) async throws {
        var expected: [DocumentID: [RevisionID]] = [:]
        var seqs: [DocumentID: Int] = [:]
        var stored: [DocumentID: Set<RevisionID>] = [:]
        let rules = AccessRules(store.database.settings)
        for row in try await store.store.client.query("SELECT id, seq, tree FROM documents") {
            let (id, seq, tree) = try row.decode(String.self, Int64.self, [UInt8].self)
            let history = try RevisionTree<Tags>(decoding: tree)
            let leaves = history.leaves.filter { rules.mayRead($0.payload ?? .none, user) }
            guard !leaves.isEmpty else { continue }
            stored[DocumentID(stored: id)] = Set(history.nodes.map(\.id))
            expected[DocumentID(stored: id)] = leaves.map(\.id)
            seqs[DocumentID(stored: id)] = Int(seq)
        }
        let anew = try await store.store.changes(
            in: store.database,
            since: .beginning,
            limit: 10_000,
            allLeaves: true,
            for: user
        )
        #expect(Dictionary(uniqueKeysWithValues: anew.changes.map { ($0.id, $0.revisions) }) == expected)
        #expect(anew.changes.map(\.position.number) == anew.changes.map(\.position.number).sorted())
        for (id, revisions) in expected {
            // Who followed was told of branches that were lost on the way, too, by revisions that are not stored.
            let known = stored[id] ?? []
            #expect(held[id]?.revisions.filter(known.contains) == revisions, "\(id)")
            #expect(held[id]?.position.number == seqs[id])
        }
        let isZed = user == .user(name: "zed", groups: ["secret"])
        if user.feeds != nil, !isZed { #expect(!held.keys.contains { $0.text.hasPrefix("secret-") }) }
        #expect(!expected.isEmpty)
    }

    /// The counter's figures against a recount.
    private static func checkNumbers(_ store: TestStore) async throws {
        let info = try await store.store.info(store.database)
        let live: Int64 = try await store.scalar("SELECT count(*) FROM documents WHERE NOT deleted")
        let deleted: Int64 = try await store.scalar("SELECT count(*) FROM documents WHERE deleted")
        #expect(info.documents == Int(live))
        #expect(info.deleted == Int(deleted))
        let changes = try await store.store.committedChanges(in: store.database, since: 0, limit: 100_000)
        // The groups were joined before.
        let joins: Int64 = try await store.scalar("SELECT count(*) FROM membership_events")
        #expect(changes.map(\.seq) == Array(Int(joins) + 1...info.updateSeq))
        for change in changes { #expect(["admin"] == [change.origin] && change.author == "admin") }
    }
}
