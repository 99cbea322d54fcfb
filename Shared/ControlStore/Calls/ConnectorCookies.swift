package import JSON
import Postgres

extension ControlStore {
    /// The table of the cookies of back ends.
    static let cookieMigration = PostgresMigration(
        version: 2,
        name: "cookies of back ends",
        sql: """
            CREATE TABLE connector_cookies (
                session text NOT NULL,
                project text NOT NULL,
                connector text NOT NULL,
                cookies jsonb NOT NULL,
                changed_at timestamptz NOT NULL DEFAULT now(),
                PRIMARY KEY (session, project, connector)
            );
            CREATE INDEX connector_cookies_changed ON connector_cookies (changed_at);
            """
    )

    /// What is kept for a session and a connector.
    package func cookies(of session: String, project: String, connector: String) async throws -> JSONValue? {
        let rows = try await client.query(
            """
            SELECT cookies FROM connector_cookies
            WHERE session = \(session) AND project = \(project) AND connector = \(connector)
            """
        )
        return try rows.first.map { row in try JSONValue(parsing: row.decode(PostgresJSON.self).bytes) }
    }

    /// Changes what is kept, while nobody else does.
    package func changeCookies(
        of session: String,
        project: String,
        connector: String,
        _ change: @Sendable (JSONValue?) -> JSONValue
    ) async throws {
        try await client.transaction { connection in
            // Locks the row whether or not it was there.
            let rows = try await connection.query(
                """
                INSERT INTO connector_cookies (session, project, connector, cookies)
                VALUES (\(session), \(project), \(connector), '[]')
                ON CONFLICT (session, project, connector) DO UPDATE SET changed_at = now()
                RETURNING cookies
                """
            )
            let stored = try rows.first.map { row in try JSONValue(parsing: row.decode(PostgresJSON.self).bytes) }
            try await connection.execute(
                """
                UPDATE connector_cookies SET cookies = \(PostgresJSON(change(stored).bytes))
                WHERE session = \(session) AND project = \(project) AND connector = \(connector)
                """
            )
        }
    }

    /// Takes away cookies that no session has used for long.
    package func forgetCookies(olderThan age: Duration) async throws {
        try await client.execute(
            "DELETE FROM connector_cookies WHERE changed_at < now() - \(age.seconds) * interval '1 second'"
        )
    }
}
