import CouchProtocol
import Postgres
import TestSupport
import Testing

@testable import DocumentStore

/// How writes that arrive together are committed.
@Suite(.database) struct CommitTests {
    /// Keeps every commit of the database waiting while `body` runs.
    private func blockingCommits(_ store: TestStore, _ body: () async throws -> Void) async throws {
        let other = try await store.another()
        try await other.store.client.transaction(attempts: 1) { connection in
            _ = try await connection.query("SELECT seq FROM counters FOR UPDATE")
            try await body()
        }
        await other.close()
    }

    /// How many backends wait for a lock.
    private func waitForCommit(_ store: TestStore) async throws {
        try await eventually("a commit waits for the counter") {
            let waiting: Int64 = try await store.scalar(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                """
            )
            return waiting > 0
        }
    }

    @Test func `writes that arrive together share commits`() async throws {
        let store = try await TestStore.make()
        let together = Barrier(65)
        let writes = (0..<64).map { index in
            Task {
                await together.arrive()
                let edits = [DocumentEdit.next("d\(index)")]
                return try await store.store.write(edits, to: store.database, by: TestStore.administrator)
            }
        }
        try await blockingCommits(store) {
            await together.arrive()
            try await waitForCommit(store)
        }
        var outcomes: [EditOutcome] = []
        for write in writes { outcomes += try await write.value }
        #expect(outcomes.count == 64)
        #expect(outcomes.allSatisfy { $0.error == nil })
        let commits: Int64 = try await store.scalar("SELECT count(DISTINCT xmin::text) FROM documents")
        #expect(commits < 32)
        await store.close()
    }

    @Test func `what PostgreSQL refuses of one writer does not harm the others`() async throws {
        let store = try await TestStore.make()
        let failures = await withTaskGroup(of: (Int, Bool).self) { group in
            for index in 0..<24 {
                group.addTask {
                    // JSONB does not take this, and the flag says that it does.
                    let body = index % 8 == 3 ? #"{"a":"\u0000"}"# : "{}"
                    do {
                        _ = try await store.store.write(
                            [.next("d\(index)", body)],
                            to: store.database,
                            by: TestStore.administrator
                        )
                        return (index, false)
                    } catch {
                        return (index, true)
                    }
                }
            }
            return await group.reduce(into: [Int]()) { if $1.1 { $0.append($1.0) } }
        }
        #expect(failures.sorted() == [3, 11, 19])
        #expect(try await store.store.info(store.database).documents == 21)
        await store.close()
    }

    @Test func `a document that cannot be read does not harm the writers of others`() async throws {
        let store = try await TestStore.make()
        let first = try await store.put("d3")
        _ = try await store.store.client.query("UPDATE documents SET tree = '\\x00' WHERE id = 'd3'")
        let written = await withTaskGroup(of: Bool.self) { group in
            for index in 0..<24 {
                group.addTask {
                    let edit = DocumentEdit.next("d\(index)", after: index == 3 ? first : nil)
                    let outcomes = try? await store.store.write([edit], to: store.database, by: TestStore.administrator)
                    return outcomes?[0].error == nil && outcomes != nil
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(written == 23)
        await store.close()
    }

    @Test func `a writer that is cancelled takes nobody with it`() async throws {
        let store = try await TestStore.make()
        try await blockingCommits(store) {
            let tasks = (0..<8).map { index in
                Task {
                    try await store.store.write([.next("d\(index)")], to: store.database, by: TestStore.administrator)
                }
            }
            try await waitForCommit(store)
            for index in [0, 3, 5] { tasks[index].cancel() }
        }
        try await eventually("the others are written") { try await store.store.info(store.database).documents == 8 }
        await store.close()
    }

    @Test func `a document that another process changes meanwhile is planned anew`() async throws {
        let store = try await TestStore.make()
        let other = try await store.another()
        let first = try await store.put("d", #"{"n":0}"#)
        let outcomes = try await withThrowingTaskGroup(of: EditOutcome.self) { group in
            for (index, writer) in (0..<20).map({ ($0, [store, other][$0 % 2]) }) {
                group.addTask {
                    let edit = DocumentEdit.next("d", after: first, "{\"n\":\(index)}")
                    return try await writer.store.write([edit], to: writer.database, by: TestStore.administrator)[0]
                }
            }
            return try await group.reduce(into: [EditOutcome]()) { $0.append($1) }
        }
        #expect(outcomes.count { $0.error == nil } == 1)
        #expect(outcomes.count { $0 == .refused(.conflict) } == 19)
        let tree: [UInt8] = try await store.scalar("SELECT tree FROM documents")
        #expect(try RevisionTree<Tags>(decoding: tree).leafCount == 1)
        await store.close()
        await other.close()
    }

    @Test func `a statement that fails undoes the documents of its transaction`() async throws {
        let store = try await TestStore.make()
        await #expect(throws: NoRow.self) {
            _ = try await store.store.write(
                [.next("d")],
                to: store.database,
                by: TestStore.administrator,
                with: { _ in ["SELECT 1 WHERE false"] },
                check: { rows in if rows[0].isEmpty { throw NoRow() } }
            )
        }
        #expect(try await store.store.info(store.database).updateSeq == 0)
        #expect(try await store.scalar("SELECT count(*) FROM documents", as: Int64.self) == 0)
        await store.close()
    }

    @Test func `a deleted database leaves nothing behind and takes no more writes`() async throws {
        let store = try await TestStore.make()
        try await store.put("d", tags: Tags(owner: "ann", groups: ["g"]))
        try await store.store.deleteDatabase("db")
        for table in ["documents", "bodies", "feed_entries", "feeds", "change_log", "counters", "databases"] {
            #expect(try await store.scalar("SELECT count(*) FROM \(unescaped: table)", as: Int64.self) == 0, "\(table)")
        }
        for tags in [Tags(owner: "ann", groups: ["g"]), Tags(owner: "new")] {
            await #expect(throws: CouchError.noDatabase) { try await store.put("e", tags: tags) }
        }
        try await store.store.createDatabase("db")
        #expect(try await store.store.database("db").incarnation != store.database.incarnation)
        await store.close()
    }

    @Test func `settings that a database cannot have are refused`() async throws {
        let store = try await TestStore.make()
        var bad: [DatabaseSettings] = []
        for limit in [0, 10_001, Int.max] {
            var settings = DatabaseSettings()
            settings.revisionLimit = limit
            bad.append(settings)
        }
        for member in ["_id", "", "~groups"] {
            var settings = DatabaseSettings()
            settings.ownerMember = member
            bad.append(settings)
        }
        for settings in bad {
            await #expect(throws: CouchError.self) { try await store.store.configureDatabase("db", settings) }
            await #expect(throws: CouchError.self) { try await store.store.createDatabase("other", settings: settings) }
        }
        await store.close()
    }
}
