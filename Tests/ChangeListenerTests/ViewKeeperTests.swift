import CouchProtocol
import Logging
import Postgres
import ScriptHosting
import TestScripts
import TestSupport
import Testing
import ViewIndexes

@testable import ChangeListener
@testable import DocumentStore

/// How the indexes of a database are kept, and how that ends.
@Suite(.database, .timeLimit(.minutes(10))) struct ViewKeeperTests {
    @Test func `an index whose update failed is tried again, though nothing is committed`() async throws {
        try await withKeeper { keeper, listening, failures in
            try await listening.write("a", .next(after: nil), #"{"n":1}"#)
            try await listening.write(
                "_design/q",
                .next(after: nil),
                #"""
                {"language":"query","views":{"v":{"map":{"fields":{"n":"asc"}},"reduce":"_count",
                "options":{"def":{"fields":["n"]},"w":1}}}}
                """#
            )
            let known = try await keeper.queries.indexes(in: listening.database, for: .administrator(name: "admin"))
            let definition = try #require(known.first).definition
            let index = try await keeper.indexes.index(definition, in: listening.database)
            // As another process leaves it that could not do with it.
            let client = listening.store.client
            try await client.execute(
                """
                UPDATE view_indexes SET failure_status = 500, failure_error = 'timeout', failure_reason = 'none',
                    failed_until = 'infinity'
                """
            )
            let keeping = Task { await keeper.run("d") }
            var iterator = failures.makeAsyncIterator()
            let failure = await iterator.next()
            #expect(failure?.contains("could not be brought up to date") ?? false, "\(failure ?? "")")
            #expect(try await !keeper.indexes.isUpToDate(index))
            try await client.execute("UPDATE view_indexes SET failed_until = NULL")
            try await eventually("the index is up to date") {
                keeper.signals.wakeAll()
                return try await keeper.indexes.isUpToDate(index)
            }
            keeping.cancel()
            await keeping.value
        }
    }

    @Test func `a keeper that is to end leaves off an index that it builds, and gives it back`() async throws {
        try await withKeeper { keeper, listening, _ in
            try await listening.write("a")
            // Its script hosts never run: the update comes to no end by itself.
            try await listening.write(
                "_design/x",
                .next(after: nil),
                #"{"views":{"v":{"map":"function (doc) { emit(1) }"}}}"#
            )
            let keeping = Task { await keeper.run("d") }
            try await eventually("the index is being built") { try await listening.held() == 1 }
            keeping.cancel()
            await keeping.value
            #expect(try await listening.held() == 0)
        }
    }

    /// Lends a keeper and what it warns of.
    private func withKeeper(
        _ body: (ViewKeeper, TestListening, AsyncStream<String>) async throws -> Void
    ) async throws {
        let listening = try await TestListening.make()
        let store = listening.store
        let (failures, continuation) = AsyncStream<String>.makeStream()
        let logger = Logger(label: "test") { _ in WarningStream(lines: continuation) }
        let signals = CommitSignals(store.client, logger: logger)
        let program = Executables.path("script-host")
        let hosts = ScriptHostPool(executable: program, hosts: 1, limits: .patient, logger: logger)
        try await attempt {
            try await store.client.migrate(ViewIndexes.migrations, component: "views")
            let keeper = ViewKeeper(
                indexes: ViewIndexes(store, holder: "test", logger: logger),
                catalogue: ViewCatalogue(store: store, scripts: hosts),
                queries: QueryCatalogue(store),
                signals: signals,
                logger: logger
            )
            try await body(keeper, listening, failures)
        } finally: {
            await listening.close()
        }
    }
}

extension TestListening {
    /// How many indexes a process has in its hands, or did not give back.
    fileprivate func held() async throws -> Int64 {
        let rows = try await store.client.query("SELECT count(*) FROM view_indexes WHERE held_until IS NOT NULL")
        return try #require(rows.first).decode(Int64.self)
    }
}

/// Hands warnings on.
private struct WarningStream: LogHandler {
    let lines: AsyncStream<String>.Continuation
    var logLevel = Logger.Level.warning
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.yield("\(event.message) \(event.metadata ?? [:])")
    }
}
