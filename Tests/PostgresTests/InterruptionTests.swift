import Foundation
import Postgres
import TestSupport
import Testing

@Suite(.database) struct InterruptionTests {
    /// How many sessions of this database run a statement with the mark in it.
    private func running(_ mark: String, _ client: PostgresClient) async throws -> Int {
        try await client.one(
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()
                AND query LIKE \("%\(mark)%")
            """
        )
    }

    @Test func `a cancelled task's statement ends at the server, and its connection is used again`() async throws {
        try await withClient(.set(\.maximumConnections, 2)) { client in
            let task = Task {
                try await client.withConnection { connection in
                    let process = try await connection.backendProcessID
                    let error = await postgresError { _ = try await connection.query("SELECT pg_sleep(600), 'mark'") }
                    return (process, error)
                }
            }
            try await eventually("the statement runs") { try await running("mark", client) == 1 }
            task.cancel()
            let (process, error) = try await task.value
            #expect(error == .cancelled)
            try await expect(running("mark", client), equals: 0)
            let processes = try await client.withConnection { one in
                try await client.withConnection { two in
                    [try await one.backendProcessID, try await two.backendProcessID]
                }
            }
            #expect(processes.contains(process))
        }
    }

    @Test func `statements that wait keep no thread from other tasks`() async throws {
        let count = 2 * ProcessInfo.processInfo.activeProcessorCount
        try await withClient(
            .set(\.maximumConnections, count + 1),
            .set(\.statementTimeout, .seconds(120)),
            .set(\.acquireTimeout, .seconds(120))
        ) { client in
            try await client.withConnection { holder in
                _ = try await holder.query("SELECT pg_advisory_lock(7)")
                // More of them wait than there are threads for tasks.
                let waiting = (0..<count).map { _ in
                    Task { _ = try await client.query("SELECT pg_advisory_xact_lock(7)") }
                }
                try await eventually("all wait") {
                    let rows = try await holder.query(
                        """
                        SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
                        WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
                        """
                    )
                    return try #require(rows.first).decode(Int64.self) == Int64(count)
                }
                _ = try await holder.query("SELECT pg_advisory_unlock(7)")
                for task in waiting { try await task.value }
            }
        }
    }

    @Test func `a cancel does not hit the statement after it`() async throws {
        try await withClient(.set(\.maximumConnections, 1)) { client in
            for _ in 0..<200 {
                let task = Task { try await client.query("SELECT pg_sleep(0.0005)") }
                await Task.yield()
                task.cancel()
                _ = await task.result
                try await expect(client.one("SELECT 7", as: Int.self), equals: 7)
            }
        }
    }

    @Test func `a statement that takes too long is ended by the server`() async throws {
        try await withClient(.set(\.statementTimeout, .milliseconds(50))) { client in
            let error = await postgresError { _ = try await client.query("SELECT pg_sleep(600)") }
            #expect(error?.sqlState == .queryCanceled)
            let inside = await postgresError {
                try await client.transaction { connection in
                    try await connection.limitStatements(to: .milliseconds(1))
                    _ = try await connection.query("SELECT pg_sleep(600)")
                }
            }
            #expect(inside?.sqlState == .queryCanceled)
            // It has no more time than the others.
            try await eventually("the connection goes on") { (try? await client.ping()) != nil }
        }
    }

    @Test func `a task that is cancelled while it waits for a connection stops waiting`() async throws {
        try await withClient(.set(\.maximumConnections, 1)) { client in
            try await client.withConnection { _ in
                let task = Task { await postgresError { try await client.ping() } }
                await Task.yield()
                task.cancel()
                #expect(await task.value == .cancelled)
            }
            try await client.ping()
        }
    }

    @Test func `waiting for a connection has a limit, in time and in number`() async throws {
        try await withClient(
            .set(\.maximumConnections, 1),
            .set(\.acquireTimeout, .milliseconds(20)),
            .set(\.maximumWaiters, 0)
        ) { client in
            try await client.withConnection { _ in
                let error = await postgresError { try await client.ping() }
                #expect(error == .limitExceeded("more than 0 tasks wait for a connection"))
            }
        }
        try await withClient(.set(\.maximumConnections, 1), .set(\.acquireTimeout, .milliseconds(20))) { client in
            try await client.withConnection { _ in
                #expect(await postgresError { try await client.ping() } == .timedOut(.acquire))
            }
            try await client.ping()
        }
    }

    @Test func `a cancelled transaction is rolled back and its connection goes on`() async throws {
        try await withClient(.set(\.maximumConnections, 2)) { client in
            try await client.execute("CREATE TABLE t (id int)")
            let task = Task {
                try await client.transaction { connection in
                    try await connection.execute("INSERT INTO t VALUES (1)")
                    _ = try await connection.query("SELECT pg_sleep(600), 'mark'")
                }
            }
            try await eventually("the statement runs") { try await running("mark", client) == 1 }
            task.cancel()
            #expect(await postgresError { try await task.value } == .cancelled)
            try await expect(client.one("SELECT count(*) FROM t", as: Int.self), equals: 0)
        }
    }
}
