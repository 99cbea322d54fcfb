import Postgres

/// Notifications that are written with the change that they tell of, and published after it.
enum Outbox {
    /// The routing key under which changed work orders are told.
    private static let workOrdersChanged = "field-service.work-orders-changed"

    /// Notes, in the transaction of the change, that a work order changed.
    static func workOrderChanged(_ number: String, _ connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            INSERT INTO erp.outbox (routing_key, body)
            VALUES (\(workOrdersChanged), json_build_object('ids', json_build_array(\(number)::text)))
            """
        )
    }
}
