import Executors
import Foundation
import JSON
import Logging
import Postgres

/// Fills the database at the first start, in one transaction.
struct Seeder: Sendable {
    /// How many rows go into one statement.
    private static let chunk = 1_000

    let database: PostgresClient
    /// Where the passwords are hashed.
    let hashing: ThreadPoolExecutor
    /// The folder of the ISO tables.
    let isoCodes: URL
    let logger: Logger

    /// Does nothing when it has been done before.
    func run() async throws {
        guard try await database.query("SELECT 1 FROM erp.seedings").isEmpty else { return }
        logger.info("Filling the database for the first time")
        let catalogue = try ISOTables(folder: isoCodes).entries()
        let plan = SeedPlan()
        let technicians = try await withPasswords(plan.technicians)
        try await database.transaction { connection in
            // Two ERPs that start at once: the second waits, and finds that it is done.
            try await connection.execute("LOCK TABLE erp.seedings IN EXCLUSIVE MODE")
            guard try await connection.query("SELECT 1 FROM erp.seedings").isEmpty else { return }
            try await insert(plan.teams.map { ["name": .string($0)] }, "teams", "name text", connection)
            try await insertTechnicians(technicians, connection)
            try await insert(
                plan.customers,
                "customers",
                "id text, name text, street text, city text, phone text, team text",
                connection
            )
            try await insert(plan.parts, "parts", "id text, name text, unit text, price_cents integer", connection)
            try await insertWorkOrders(plan.workOrders, connection)
            try await insert(catalogue, "catalogue", "kind text, code text, name text, data jsonb", connection)
            try await connection.execute("INSERT INTO erp.seedings DEFAULT VALUES")
        }
        logger.info("The database is filled")
    }

    private func withPasswords(_ technicians: [JSONObject]) async throws -> [(JSONObject, PasswordHash)] {
        try await withThrowingTaskGroup(of: (Int, PasswordHash).self) { group in
            for (index, technician) in technicians.enumerated() {
                let password = SeedPlan.password(of: technician["login"]?.stringValue ?? "")
                group.addTask {
                    var random = SystemRandomNumberGenerator()
                    let salt = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }
                    return (index, await hashing.run { PasswordHash(password, salt: salt) })
                }
            }
            var result: [(JSONObject, PasswordHash)] = []
            for try await (index, hash) in group { result.append((technicians[index], hash)) }
            return result
        }
    }

    private func insertTechnicians(
        _ technicians: [(JSONObject, PasswordHash)],
        _ connection: PostgresConnection
    ) async throws {
        for (technician, hash) in technicians {
            try await connection.execute(
                """
                INSERT INTO erp.technicians (login, name, team, password_salt, password_rounds, password_hash)
                SELECT login, name, team, \(hash.salt), \(hash.rounds)::bigint::integer, \(hash.bytes)
                FROM jsonb_to_record(\(PostgresJSONB(JSONValue.object(technician).bytes)))
                    AS t (login text, name text, team text)
                """
            )
        }
        logger.info("Filled technicians", metadata: ["rows": "\(technicians.count)"])
    }

    private func insertWorkOrders(_ orders: [JSONObject], _ connection: PostgresConnection) async throws {
        let whole = orders.map { order in
            order.merging(["parts": [], "notes": ""])
        }
        try await insert(
            whole,
            "work_orders",
            """
            number text, title text, description text, priority text, status text, customer text, technician text,
            team text, parts jsonb, notes text, version bigint
            """,
            connection
        )
        try await connection.execute("SELECT setval('erp.work_order_number', \(orders.count))")
        try await connection.execute("UPDATE erp.change_counter SET value = \(orders.count)")
    }

    /// Inserts rows whose members are the table's columns.
    private func insert(
        _ rows: [JSONObject],
        _ table: String,
        _ columns: String,
        _ connection: PostgresConnection
    ) async throws {
        let names = columns.split(separator: ",").compactMap { $0.split(separator: " ").first }.joined(separator: ", ")
        for start in stride(from: 0, to: rows.count, by: Self.chunk) {
            let part = rows[start..<min(start + Self.chunk, rows.count)]
            let json = PostgresJSONB(JSONValue.array(part.map(JSONValue.object)).bytes)
            try await connection.execute(
                """
                INSERT INTO erp.\(unescaped: table) (\(unescaped: names))
                SELECT \(unescaped: names) FROM jsonb_to_recordset(\(json)) AS t (\(unescaped: columns))
                """
            )
        }
        logger.info("Filled \(table)", metadata: ["rows": "\(rows.count)"])
    }
}
