import CouchProtocol
import DocumentStore
import Postgres
import ScriptHosting
import TestScripts
import TestSupport
import Testing
import ViewRules

@testable import ViewIndexes

/// Who waits for an update of an index, and what becomes of one that nobody waits for.
@Suite(.database, .serialized, .timeLimit(.minutes(10))) struct UpdateTests {
    private static let map = "function (doc) { emit(doc.n, null); emit(doc.n + 100, null); emit(doc.n + 200, null) }"

    /// An index whose update waits until the script hosts run.
    private func withWaiting(
        _ body: (TestIndexes, IndexUpdates, ViewIndex, _ hosts: ScriptHostPool) async throws -> Void
    ) async throws {
        try await TestIndexes.with { test in
            try await test.put((0..<3).map { ("d\($0)", #"{"n":\#($0)}"#) })
            let logger = test.indexes.logger
            let program = Executables.path("script-host")
            let hosts = ScriptHostPool(executable: program, hosts: 1, limits: .patient, logger: logger)
            let waiting = TestIndexes(
                store: test.store,
                indexes: test.indexes,
                database: test.database,
                scripts: hosts
            )
            let index = try await waiting.index(try waiting.view(Self.map), isFresh: false)
            let updates = IndexUpdates(IndexUpdater(store: test.store, holder: "test", logger: logger))
            try await body(test, updates, index, hosts)
        }
    }

    @Test func `an update goes on while somebody waits, and the last one to leave takes it along`() async throws {
        try await withWaiting { test, updates, index, _ in
            let one = Task { try await updates.update(index) }
            let other = Task { try await updates.update(index) }
            try await eventually("both wait") { await updates.running[index.id]?.waiters.count == 2 }
            one.cancel()
            await #expect(throws: CancellationError.self) { try await one.value }
            #expect(await updates.running[index.id]?.waiters.count == 1)
            try await eventually("the update holds the index") { try await test.isHeld(index) }
            other.cancel()
            await #expect(throws: CancellationError.self) { try await other.value }
            #expect(await updates.running.isEmpty)
            #expect(try await !test.isHeld(index), "others need not wait until the hold ends by itself")
        }
    }

    @Test func `who asks while an update ends that nobody waited for gets one of its own`() async throws {
        try await withWaiting { test, updates, index, hosts in
            let one = Task { try await updates.update(index) }
            try await eventually("the update holds the index") { try await test.isHeld(index) }
            one.cancel()
            let run = Task { await hosts.run() }
            try await attempt {
                let isDone = try await updates.update(index)
                let count = try await test.rows(index).count
                #expect(isDone && count == 9)
                _ = await one.result
            } finally: {
                run.cancel()
                await run.value
            }
        }
    }

    @Test(arguments: [1, 2, 4, 1_000])
    func `rows of purged documents go, however few rows are looked at at once`(_ stretch: Int) async throws {
        try await TestIndexes.with { test in
            try await test.put((0..<10).map { ("d\($0)", #"{"n":\#($0)}"#) })
            let index = try await test.index(try test.view(Self.map))
            let gone = [0, 3, 4, 9]
            try await test.purge(gone.map { "d\($0)" })
            var updater = IndexUpdater(store: test.store, holder: "test", logger: test.indexes.logger)
            updater.purgeStretch = stretch
            #expect(try await updater.update(index))
            let left = (0..<10).filter { !gone.contains($0) }
            let expected = [0, 100, 200].flatMap { base in left.map { "\(base + $0)=null@d\($0)" } }
            #expect(try await test.rows(index) == expected)
            let info = try await test.indexes.information(index)
            #expect(info.rows == expected.count && info.purgeSeq == gone.count)
            #expect(try await test.indexes.isUpToDate(index))
            #expect(try await !test.isHeld(index))
        }
    }

    @Test func `an index that another process has moved is left to it`() async throws {
        try await TestIndexes.with { test in
            try await test.put([("a", #"{"n":1}"#), ("b", #"{"n":2}"#)])
            let index = try await test.index(try test.view(Self.map))
            try await test.purge(["a"])
            // Moves the index as soon as it is held, as a process does whose hold ran out.
            try await test.store.client.execute(
                """
                CREATE FUNCTION move_index() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN NEW.seq := NEW.seq - 1; NEW.holder := 'another'; RETURN NEW; END $$
                """
            )
            try await test.store.client.execute(
                """
                CREATE TRIGGER move BEFORE UPDATE OF held_until ON view_indexes FOR EACH ROW
                WHEN (OLD.held_until IS NOT NULL) EXECUTE FUNCTION move_index()
                """
            )
            let updater = IndexUpdater(store: test.store, holder: "test", logger: test.indexes.logger)
            #expect(try await !updater.update(index))
            let standing = try await test.indexes.standing(of: index)
            #expect(standing.purgeSeq == 0, "the purge is still to be brought over")
            try await test.store.client.execute("DROP TRIGGER move ON view_indexes")
            try await test.store.client.execute("UPDATE view_indexes SET held_until = NULL")
            _ = try await test.indexes.bringUpToDate(index)
            #expect(try await test.rows(index) == ["2=null@b", "102=null@b", "202=null@b"])
        }
    }

    @Test func `an index is taken away in the time that its rows need`() async throws {
        try await TestIndexes.with { test in
            try await test.put([("a", "{}")])
            let views = (0..<3).map { number in "function (doc) { emit(\(number)) }" }
            for map in views { _ = try await test.index(try test.view(map)) }
            let client = test.store.client
            try await client.execute("CREATE TABLE limits (statement text)")
            try await client.execute(
                """
                CREATE FUNCTION note_limit() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN INSERT INTO limits SELECT current_setting('statement_timeout'); RETURN NULL; END $$
                """
            )
            try await client.execute(
                """
                CREATE TRIGGER limits AFTER DELETE ON view_indexes FOR EACH STATEMENT EXECUTE FUNCTION note_limit()
                """
            )
            let kept = try test.view(views[0]).index.signature
            #expect(try await test.indexes.cleanUp(test.database, keeping: [kept]) == 2)
            let limits = try await client.query("SELECT statement FROM limits").map { try $0.decode(String.self) }
            #expect(limits == ["0", "0"], "one statement for each index, without a limit")
            let rows = try await client.query("SELECT count(*) FROM view_rows")
            #expect(try #require(rows.first).decode(Int64.self) == 1)
        }
    }
}

extension TestIndexes {
    /// Whether a process has the index in its hands, or had it and did not give it back.
    fileprivate func isHeld(_ index: ViewIndex) async throws -> Bool {
        let rows = try await store.client.query(
            "SELECT held_until IS NOT NULL FROM view_indexes WHERE id = \(index.id)"
        )
        return try #require(rows.first).decode(Bool.self)
    }

    fileprivate func purge(_ ids: [String]) async throws {
        var leaves: [DocumentRevisions] = []
        for id in ids {
            let found = try await store.document(DocumentID(stored: id), in: database, for: Self.administrator)
            let document = try #require(found)
            leaves.append(DocumentRevisions(id: document.id, revisions: [document.revision]))
        }
        _ = try await store.purge(leaves, in: database, by: Self.administrator, traceID: nil)
    }
}
