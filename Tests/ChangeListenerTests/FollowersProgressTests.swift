import ControlStore
import DocumentStore
import Logging
import Postgres
import Projects
import TestSupport
import Testing

@testable import ChangeListener

/// How far all have come who still need what lies behind.
@Suite(.database) struct FollowersProgressTests {
    private static let files = [
        "project.yaml": "project: p\n",
        "databases/d/database.yaml": "description: Documents.\n",
        "sequences/push.yaml": "variables:\n  doc: {type: object, multi: true}\nsteps: []\n",
        "listeners/l.yaml": "database: d\nall: true\nsequence: push\n",
    ]

    private func catalogue(_ test: TestListening, knows symbols: Bool) -> ProjectCatalogue {
        let value: @Sendable (String) -> String? = { _ in symbols ? "x" : nil }
        return ProjectCatalogue(
            test.control,
            symbols: value,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    private func deploy(_ test: TestListening, _ name: String, _ text: String) async throws {
        var files = Self.files
        files["project.yaml"] = text
        _ = try await test.control.deploy(project: name, files: files, digest: text, by: "admin")
    }

    /// The publisher has seen all of ten changes, and the listener four.
    private func place(_ test: TestListening) async throws {
        for (follower, seq) in [(ChangePublisher.follower, 10), (TestListening.follower, 4)] {
            let position = Position(incarnation: test.database.originalIncarnation, seq: seq)
            try await test.control.rewind(follower, in: "d", to: position)
        }
    }

    @Test func `a database that cannot be pruned keeps no other from being pruned`() async throws {
        let test = try await TestListening.make()
        for number in 0..<10 { try await test.write("doc-\(number)") }
        try await place(test)
        let catalogue = catalogue(test, knows: true)
        while try await test.store.compact(test.database, through: 10, olderThan: .zero) {}
        #expect(try await test.store.compactedThrough(test.database) == 10)
        let pruner = ChangeLogPruner(
            store: test.store,
            progress: FollowersProgress(control: test.control, catalogue: catalogue),
            retention: .zero,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        try await pruner.prune(["deleted meanwhile", "d"])
        #expect(try await test.store.startOfChangeLog(of: test.database) == 10)
        await test.close()
    }

    @Test func `a deployment that brings a listener back is waited for before anything is pruned`() async throws {
        let test = try await TestListening.make()
        for number in 0..<10 { try await test.write("doc-\(number)") }
        try await place(test)
        while try await test.store.compact(test.database, through: 10, olderThan: .zero) {}
        // Nobody listens so far, as this process knows it.
        let pruner = ChangeLogPruner(
            store: test.store,
            progress: FollowersProgress(control: test.control, catalogue: catalogue(test, knows: true)),
            retention: .zero,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        var files = Self.files
        files["project.yaml"] = "project: p\n"
        let deployed = files
        let pruning = try await test.control.client.transaction { connection in
            try await test.control.takeTurn(over: connection)
            let pruning = Task { try await pruner.prune(["d"]) }
            try await eventually("the pruner waits for the deployment") {
                try await test.control.client.query(
                    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                ).count == 1
            }
            _ = try await test.control.deploy(
                project: "p",
                files: deployed,
                digest: "d",
                jobs: [],
                by: "admin",
                over: connection
            )
            return pruning
        }
        try await pruning.value
        #expect(try await test.store.startOfChangeLog(of: test.database) == 0)
        await test.close()
    }

    @Test func `nothing is given up before it is known who is live`() async throws {
        let test = try await TestListening.make()
        try await place(test)
        let catalogue = catalogue(test, knows: true)
        let progress = FollowersProgress(control: test.control, catalogue: catalogue)
        #expect(try await progress.slowest(in: test.database) == 10)
        try await deploy(test, "p", "project: p\n")
        #expect(try await progress.slowest(in: test.database) == nil)
        try await catalogue.refresh()
        #expect(try await progress.slowest(in: test.database) == 4)
        // A version that this process has not read may have other listeners.
        try await deploy(test, "p", "project: p\ndescription: another\n")
        #expect(try await progress.slowest(in: test.database) == nil)
        try await catalogue.refresh()
        #expect(try await progress.slowest(in: test.database) == 4)
        await test.close()
    }

    @Test func `nothing is given up while a project cannot be read`() async throws {
        let test = try await TestListening.make()
        try await place(test)
        try await deploy(test, "p", "project: p\n")
        try await deploy(test, "q", "project: q\nsymbols: {TOKEN: {}}\n")
        let catalogue = catalogue(test, knows: false)
        try await catalogue.refresh()
        #expect(catalogue.current["q"] == nil)
        await #expect(throws: UnreadableProject.self) { try await catalogue.project("q", version: 1) }
        let progress = FollowersProgress(control: test.control, catalogue: catalogue)
        #expect(try await progress.slowest(in: test.database) == nil)
        await test.close()
    }
}
