import Crypto
import Foundation
import JSON
import Postgres

/// The work orders: reading them, and changing them with a notification in the same transaction.
struct WorkOrderStore: Sendable {
    let database: PostgresClient
    /// Called after a change was committed.
    let hasChanged: @Sendable () -> Void

    /// A work order as the API shows it; `o` is the table, `c` its customer.
    private static let json: PostgresQuery = """
        json_build_object(
            'number', o.number, 'title', o.title, 'description', o.description, 'priority', o.priority,
            'status', o.status, 'technician', o.technician, 'team', o.team, 'parts', o.parts, 'notes', o.notes,
            'customer', json_build_object(
                'id', c.id, 'name', c.name, 'street', c.street, 'city', c.city, 'phone', c.phone),
            'closedAt', to_char(o.closed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
            'closedBy', o.closed_by, 'version', o.version)
        """

    /// A page of work orders, by number.
    ///
    /// Its member `version` is the counter of changes when the page was read: what a reader of several pages passes as
    /// `changedAfter` next time is that of the first page.
    func list(_ filter: WorkOrderFilter, _ page: PageRequest) async throws -> Page {
        let version = try await database.query("SELECT value FROM erp.change_counter")
        let rows = try await database.query(
            """
            SELECT o.number, \(fragment: Self.json)
            FROM erp.work_orders o JOIN erp.customers c ON c.id = o.customer
            WHERE o.number > \(page.after)\(fragment: filter.conditions)
            ORDER BY o.number LIMIT \(page.limit + 1)
            """
        )
        let counter = try version.first?.decode(Int.self, at: 0) ?? 0
        return try Page(rows, limit: page.limit, members: ["version": .number(JSONNumber(counter))])
    }

    /// One work order as JSON.
    func read(_ number: String) async throws -> [UInt8] {
        try await database.withConnection { try await Self.read(number, $0) }
    }

    /// Changes a work order; a key that was seen before gets the answer that it got then, and changes nothing.
    func change(_ number: String, _ change: WorkOrderChange, key: IdempotencyKey?) async throws -> [UInt8] {
        let answer = try await database.transaction { connection in
            if let key, let former = try await Self.claim(key, number, change, connection) { return former }
            let state = try await Self.lock(number, connection)
            let next = change.applied(to: state, now: Date())
            if next != state { try await Self.write(number, next, connection) }
            let answer = try await Self.read(number, connection)
            if let key {
                try await connection.execute(
                    """
                    UPDATE erp.effects SET answer = \(PostgresJSON(answer)) WHERE idempotency_key = \(key.text)
                    """
                )
            }
            return answer
        }
        hasChanged()
        return answer
    }

    /// Gives a work order to another technician, and to that technician's team.
    func reassign(_ number: String, to technician: String) async throws -> [UInt8] {
        let answer = try await database.transaction { connection in
            _ = try await Self.lock(number, connection)
            let team = try await Self.team(of: technician, connection)
            let version = try await Self.nextVersion(connection)
            try await connection.execute(
                """
                UPDATE erp.work_orders SET technician = \(technician), team = \(team), version = \(version)
                WHERE number = \(number)
                """
            )
            try await Outbox.workOrderChanged(number, connection)
            return try await Self.read(number, connection)
        }
        hasChanged()
        return answer
    }

    /// Makes a work order and gives it its number.
    func create(_ order: NewWorkOrder) async throws -> [UInt8] {
        let answer = try await database.transaction { connection in
            let team = try await Self.team(of: order.technician, connection)
            let known = try await connection.query("SELECT 1 FROM erp.customers WHERE id = \(order.customer)")
            guard !known.isEmpty else {
                throw APIError.invalid(member: "customer", reason: "there is no such customer")
            }
            let rows = try await connection.query(
                "SELECT 'WO-' || lpad(nextval('erp.work_order_number')::text, 5, '0')"
            )
            let number = try rows.first?.decode(String.self, at: 0) ?? ""
            let version = try await Self.nextVersion(connection)
            try await connection.execute(
                """
                INSERT INTO erp.work_orders
                    (number, title, description, priority, status, customer, technician, team, parts, notes, version)
                VALUES (\(number), \(order.title), \(order.description), \(order.priority), 'open', \(order.customer),
                    \(order.technician), \(team), '[]', '', \(version))
                """
            )
            try await Outbox.workOrderChanged(number, connection)
            return try await Self.read(number, connection)
        }
        hasChanged()
        return answer
    }
}

extension WorkOrderStore {
    private static func read(_ number: String, _ connection: PostgresConnection) async throws -> [UInt8] {
        let rows = try await connection.query(
            """
            SELECT \(fragment: json)
            FROM erp.work_orders o JOIN erp.customers c ON c.id = o.customer
            WHERE o.number = \(number)
            """
        )
        guard let row = rows.first else { throw APIError.notFound("work order of that number") }
        return try row.decode(PostgresJSON.self, at: 0).bytes
    }

    /// Takes the key for this request; gives back the answer of the request that had it before.
    ///
    /// Two requests with one key at the same time: the second waits here until the first has committed.
    private static func claim(
        _ key: IdempotencyKey,
        _ number: String,
        _ change: WorkOrderChange,
        _ connection: PostgresConnection
    ) async throws -> [UInt8]? {
        let digest = Array(SHA256.hash(data: Data(JSONValue.object(change.source).bytes)))
        let taken = try await connection.execute(
            """
            INSERT INTO erp.effects (idempotency_key, work_order, request_digest)
            VALUES (\(key.text), \(number), \(digest)) ON CONFLICT DO NOTHING
            """
        )
        guard taken == 0 else { return nil }
        let rows = try await connection.query(
            "SELECT work_order, request_digest, answer FROM erp.effects WHERE idempotency_key = \(key.text)"
        )
        guard let (order, before, answer) = try rows.first?.decode(String.self, [UInt8].self, PostgresJSON.self),
            order == number, before == digest
        else { throw APIError.keyReused }
        return answer.bytes
    }

    /// The state of a work order that nobody else changes until the transaction ends.
    private static func lock(_ number: String, _ connection: PostgresConnection) async throws -> WorkOrderState {
        let rows = try await connection.query(
            """
            SELECT status, notes, parts, closed_by,
                to_char(closed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
            FROM erp.work_orders WHERE number = \(number) FOR UPDATE
            """
        )
        guard let row = rows.first else { throw APIError.notFound("work order of that number") }
        let (status, notes, parts, closedBy, closedAt) = try row.decode(
            String.self,
            String.self,
            PostgresJSON.self,
            String?.self,
            String?.self
        )
        let used = try JSONValue(parsing: parts.bytes).arrayValue ?? []
        return WorkOrderState(
            status: WorkOrderState.Status(rawValue: status) ?? .open,
            notes: notes,
            parts: used.map { UsedPart(part: $0["part"]?.stringValue ?? "", quantity: $0["quantity"]?.intValue ?? 0) },
            closedBy: closedBy,
            closedAt: closedAt
        )
    }

    private static func write(
        _ number: String,
        _ state: WorkOrderState,
        _ connection: PostgresConnection
    ) async throws {
        try await check(state, connection)
        let parts = PostgresJSON(JSONValue.array(state.parts.map(\.json)).bytes)
        let version = try await nextVersion(connection)
        try await connection.execute(
            """
            UPDATE erp.work_orders
            SET status = \(state.status.rawValue), notes = \(state.notes), parts = \(parts),
                closed_by = \(state.closedBy), closed_at = (\(state.closedAt)::text)::timestamptz,
                version = \(version)
            WHERE number = \(number)
            """
        )
        try await Outbox.workOrderChanged(number, connection)
    }

    /// Checks that the parts and the technician that a state names are known.
    private static func check(_ state: WorkOrderState, _ connection: PostgresConnection) async throws {
        let ids = Array(Set(state.parts.map(\.part)))
        let known = try await connection.query("SELECT id FROM erp.parts WHERE id = ANY(\(ids))")
        guard known.count == ids.count else {
            throw APIError.invalid(member: "parts", reason: "one of the parts is unknown")
        }
        if let login = state.closedBy {
            let rows = try await connection.query("SELECT 1 FROM erp.technicians WHERE login = \(login)")
            guard !rows.isEmpty else {
                throw APIError.invalid(member: "closedBy", reason: "there is no such technician")
            }
        }
    }

    private static func team(of technician: String, _ connection: PostgresConnection) async throws -> String {
        let rows = try await connection.query("SELECT team FROM erp.technicians WHERE login = \(technician)")
        guard let row = rows.first else {
            throw APIError.invalid(member: "technician", reason: "there is no such technician")
        }
        return try row.decode(String.self, at: 0)
    }

    /// The next number of the order in which changes commit; from here to the commit there is one writer.
    private static func nextVersion(_ connection: PostgresConnection) async throws -> Int {
        let rows = try await connection.query("UPDATE erp.change_counter SET value = value + 1 RETURNING value")
        guard let row = rows.first else { throw PostgresError.misuse("erp.change_counter is empty") }
        return try row.decode(Int.self, at: 0)
    }
}
