import Postgres
import TestSupport
import Testing

@Suite(.database) struct TransactionTests {
    private struct Refusal: Error {}

    @Test func `what a body throws rolls back, what it returns commits`() async throws {
        try await withClient { client in
            try await client.execute("CREATE TABLE t (id int)")
            await #expect(throws: Refusal.self) {
                try await client.transaction { connection in
                    try await connection.execute("INSERT INTO t VALUES (1)")
                    throw Refusal()
                }
            }
            try await expect(client.one("SELECT count(*) FROM t", as: Int.self), equals: 0)
            let level = try await client.transaction(.serializable) { connection in
                try await connection.execute("INSERT INTO t VALUES (1)")
                return try await connection.query("SHOW transaction_isolation")[0].decode(String.self)
            }
            #expect(level == "serializable")
            try await expect(client.one("SELECT count(*) FROM t", as: Int.self), equals: 1)
        }
    }

    @Test func `a failure that the body swallows is not committed in silence`() async throws {
        try await withClient { client in
            let error = await postgresError {
                try await client.transaction { connection in
                    _ = try? await connection.query("SELECT 1/0")
                }
            }
            #expect(error == .misuse("the transaction had failed with 22012 before its end"))
            try await client.ping()
        }
    }

    @Test func `a savepoint undoes its part alone`() async throws {
        try await withClient { client in
            try await client.execute("CREATE TABLE t (id int PRIMARY KEY)")
            try await client.transaction { connection in
                try await connection.execute("INSERT INTO t VALUES (1)")
                for id in [1, 2] {
                    _ = try? await connection.savepoint { try await $0.execute("INSERT INTO t VALUES (\(id))") }
                }
            }
            try await expect(
                client.one("SELECT array_agg(id::int8 ORDER BY id) FROM t", as: [Int].self),
                equals: [1, 2]
            )
        }
    }

    @Test func `serializable transactions that collide are run again until each has had its effect`() async throws {
        try await withClient { client in
            try await client.execute("CREATE TABLE t (n int8)")
            try await client.execute("INSERT INTO t VALUES (0)")
            let attempts = Counter()
            let twoHaveRead = Barrier(2)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<10 {
                            try await client.transaction(.serializable, attempts: 1000) { connection in
                                attempts.increment()
                                let n = try await connection.query("SELECT n FROM t")[0].decode(Int.self)
                                await twoHaveRead.arrive()
                                try await connection.execute("UPDATE t SET n = \(n + 1)")
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await expect(client.one("SELECT n FROM t", as: Int.self), equals: 80)
            #expect(attempts.value > 80, "nothing collided")
        }
    }

    @Test func `a deadlock is run again, also when the body makes an error of its own of it`() async throws {
        try await withClient { client in
            try await client.execute("CREATE TABLE t (id int PRIMARY KEY, n int)")
            try await client.execute("INSERT INTO t VALUES (1, 0), (2, 0)")
            let attempts = Counter()
            let bothHoldOne = Barrier(2)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for order in [[1, 2], [2, 1]] {
                    group.addTask {
                        try await client.transaction { connection in
                            attempts.increment()
                            do {
                                try await connection.execute("UPDATE t SET n = n + 1 WHERE id = \(Int32(order[0]))")
                                await bothHoldOne.arrive()
                                try await connection.execute("UPDATE t SET n = n + 1 WHERE id = \(Int32(order[1]))")
                            } catch {
                                throw Refusal()
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(attempts.value >= 3)
            try await expect(client.one("SELECT array_agg(n::int8) FROM t", as: [Int].self), equals: [2, 2])
        }
    }

    @Test func `attempts end with the failure itself`() async throws {
        try await withClient { client in
            let attempts = Counter()
            let error = await postgresError {
                try await client.transaction(attempts: 3) { connection in
                    attempts.increment()
                    try await connection.run(script: "DO $$ BEGIN RAISE SQLSTATE '40001'; END $$")
                }
            }
            #expect(error?.sqlState == .serializationFailure)
            #expect(attempts.value == 3)
        }
    }

    @Test func `a transaction within a transaction is refused`() async throws {
        try await withClient { client in
            let error = await postgresError {
                try await client.transaction { connection in
                    try await connection.transaction { _ in }
                }
            }
            #expect(error == .misuse("a transaction within a transaction; use savepoint"))
        }
    }

    @Test func `a transaction that a borrower left open is rolled back`() async throws {
        try await withClient(.set(\.maximumConnections, 1)) { client in
            try await client.execute("CREATE TABLE t (id int)")
            try await client.withConnection { connection in
                try await connection.run(script: "BEGIN; INSERT INTO t VALUES (1)")
            }
            try await expect(client.one("SELECT count(*) FROM t", as: Int.self), equals: 0)
        }
    }
}
