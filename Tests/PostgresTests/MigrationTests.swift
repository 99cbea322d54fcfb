import Postgres
import TestSupport
import Testing

@Suite(.database) struct MigrationTests {
    private let steps = [
        PostgresMigration(version: 1, name: "tables", sql: "CREATE TABLE a (id int); CREATE TABLE b (id int)"),
        PostgresMigration(version: 2, name: "content", sql: "INSERT INTO a VALUES (1)"),
        PostgresMigration(version: 3, name: "index", sql: "CREATE INDEX ON a (id); INSERT INTO b VALUES (2)"),
    ]

    @Test func `several services that start at once apply each step once`() async throws {
        try await withClient { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        try await withClient(.set(\.searchPath, "own")) {
                            try await $0.migrate(steps, component: "store")
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await expect(client.one("SELECT count(*) FROM own.a", as: Int.self), equals: 1)
            try await expect(client.one("SELECT count(*) FROM own.schema_migrations", as: Int.self), equals: 3)
        }
    }

    @Test func `components have histories of their own, which go on where they stand`() async throws {
        try await withClient { client in
            try await client.migrate(Array(steps.prefix(2)), component: "store")
            try await client.migrate(
                [PostgresMigration(version: 1, name: "other", sql: "CREATE TABLE c (id int)")],
                component: "control"
            )
            try await client.migrate(steps, component: "store")
            try await expect(client.one("SELECT count(*) FROM a", as: Int.self), equals: 1)
            try await expect(client.one("SELECT count(*) FROM b", as: Int.self), equals: 1)
        }
    }

    @Test func `a step that was changed after it was applied is a clear error`() async throws {
        try await withClient { client in
            try await client.migrate(steps, component: "store")
            var changed = steps
            changed[1] = PostgresMigration(version: 2, name: "content", sql: "INSERT INTO a VALUES (2)")
            let list = changed
            let error = await postgresError { try await client.migrate(list, component: "store") }
            #expect(error?.description.contains("store: version 2 (content) has changed after it was applied") == true)
        }
    }

    @Test func `a database that is newer than the program, and a gap in the versions, are errors`() async throws {
        try await withClient { client in
            try await client.migrate(steps, component: "store")
            let older = await postgresError {
                try await client.migrate(Array(steps.prefix(1)), component: "store")
            }
            #expect(older?.description.contains("the database has version 3, the program knows 1") == true)
            let gap = await postgresError {
                try await client.migrate(Array(steps.suffix(1)), component: "store")
            }
            #expect(gap == .migration("store: version 3 stands where 1 is due"))
        }
    }

    @Test func `a step that fails leaves nothing behind and says which it was`() async throws {
        try await withClient { client in
            let wrong = [PostgresMigration(version: 1, name: "wrong", sql: "CREATE TABLE x (id int); CREATE TABL y")]
            let error = await postgresError { try await client.migrate(wrong, component: "store") }
            #expect(error?.description.contains("store: version 1 (wrong) failed") == true)
            let isGone = try await client.one("SELECT to_regclass('x') IS NULL", as: Bool.self)
            #expect(isGone)
            try await expect(client.one("SELECT count(*) FROM schema_migrations", as: Int.self), equals: 0)
        }
    }
}
