package import Postgres

/// The right to do something alone for a while, with a token by which late holders are recognised.
///
/// Two processes may both believe that they hold a lease (one of them was stopped for longer than it lasts); what they
/// write is checked against the token, so only the newer one's writes count.
package struct Lease: Sendable, Hashable {
    package let name: String
    package let holder: String
    package let token: Int64
}

extension ControlStore {
    /// Takes the lease of that name, or prolongs it when the holder already has it.
    ///
    /// - Returns: The lease; nil while another holder has it.
    package func acquireLease(_ name: String, holder: String, for duration: Duration) async throws -> Lease? {
        let rows = try await client.query(
            """
            INSERT INTO leases AS held (name, holder, token, until)
            VALUES (\(name), \(holder), 1, now() + \(duration.seconds) * interval '1 second')
            ON CONFLICT (name) DO UPDATE
            SET holder = excluded.holder,
                token = CASE WHEN held.holder = excluded.holder THEN held.token ELSE held.token + 1 END,
                until = excluded.until
            WHERE held.holder = excluded.holder OR held.until < now()
            RETURNING token
            """
        )
        return try rows.first.map { Lease(name: name, holder: holder, token: try $0.decode(Int64.self)) }
    }

    /// Gives a lease back, so that another process need not wait for its end.
    package func release(_ lease: Lease) async throws {
        try await client.execute(
            """
            UPDATE leases SET until = now() - interval '1 second'
            WHERE name = \(lease.name) AND holder = \(lease.holder) AND token = \(lease.token)
            """
        )
    }

    /// How far the follower has come in a database; nil when it has never been there.
    package func position(of follower: String, in database: String) async throws -> Position? {
        let rows = try await client.query(
            "SELECT incarnation, seq FROM positions WHERE follower = \(follower) AND database = \(database)"
        )
        return try rows.first.map { row in
            let (incarnation, seq) = try row.decode(String.self, Int64.self)
            return Position(incarnation: incarnation, seq: Int(seq))
        }
    }

    /// How far each follower has come in a database, by name.
    ///
    /// - Parameter connection: What PostgreSQL is asked over, within a transaction; nil for any.
    package func positions(
        in database: String,
        over connection: PostgresConnection? = nil
    ) async throws -> [String: Position] {
        try await positions(where: "database = \(database)", over: connection)[database] ?? [:]
    }

    /// How far each follower has come, by database and name.
    package func positions() async throws -> [String: [String: Position]] {
        try await positions(where: "true")
    }

    private func positions(
        where condition: PostgresQuery,
        over connection: PostgresConnection? = nil
    ) async throws -> [String: [String: Position]] {
        let question: PostgresQuery =
            "SELECT database, follower, incarnation, seq FROM positions WHERE \(fragment: condition)"
        let rows: PostgresRows
        if let connection {
            rows = try await connection.query(question)
        } else {
            rows = try await client.query(question)
        }
        var positions: [String: [String: Position]] = [:]
        for row in rows {
            let (database, follower, incarnation, seq) =
                try row.decode(String.self, String.self, String.self, Int64.self)
            positions[database, default: [:]][follower] = Position(incarnation: incarnation, seq: Int(seq))
        }
        return positions
    }

    /// Notes where a follower begins that has never been in a database of that name; others go on where they are.
    package func start(_ follower: String, in database: String, at position: Position) async throws {
        try await client.execute(Self.start(of: follower, in: database, at: position))
    }

    /// The statement that does so.
    package static func start(of follower: String, in database: String, at position: Position) -> PostgresQuery {
        """
        INSERT INTO positions (follower, database, incarnation, seq)
        VALUES (\(follower), \(database), \(position.incarnation), \(Int64(position.seq)))
        ON CONFLICT (follower, database) DO NOTHING
        """
    }

    /// The statement that notes where a follower begins that is wanted from now on, and was not before.
    ///
    /// One that has been here goes on from its position, as long as the change log reaches back to it in this life of
    /// the database, so that nothing is left out of what was committed while it was away; otherwise it begins as one
    /// that is new.
    ///
    /// - Parameter logStart: The number behind which the change log has every change.
    package static func comeback(
        of follower: String,
        in database: String,
        at position: Position,
        logStart: Int
    ) -> PostgresQuery {
        """
        INSERT INTO positions AS kept (follower, database, incarnation, seq)
        VALUES (\(follower), \(database), \(position.incarnation), \(Int64(position.seq)))
        ON CONFLICT (follower, database) DO UPDATE SET incarnation = excluded.incarnation, seq = excluded.seq
        WHERE kept.incarnation <> excluded.incarnation OR kept.seq < \(Int64(logStart))
        """
    }

    /// The statement that moves a follower's position, for a transaction that also holds what the move is for.
    ///
    /// It changes no row when the lease has passed to another holder: the transaction must then be given up.
    package func move(
        _ follower: String,
        in database: String,
        to position: Position,
        under lease: Lease
    )
        -> PostgresQuery
    {
        """
        INSERT INTO positions AS kept (follower, database, incarnation, seq)
        SELECT \(follower), \(database), \(position.incarnation), \(Int64(position.seq))
        FROM leases WHERE name = \(lease.name) AND holder = \(lease.holder) AND token = \(lease.token)
        FOR SHARE
        ON CONFLICT (follower, database) DO UPDATE
        SET incarnation = excluded.incarnation, seq = excluded.seq
        """
    }
}

extension ControlStore {
    /// Moves a follower's position, in a transaction of its own.
    ///
    /// It does not wait for the disk: a position that a crash puts back means that changes are followed twice, which
    /// happens in any case when a follower dies before it moves its position.
    ///
    /// - Throws: `LeaseLost` when the lease has passed to another holder.
    package func advance(
        _ follower: String,
        in database: String,
        to position: Position,
        under lease: Lease
    ) async throws {
        let answers = try await client.withConnection {
            try await $0.pipeline([
                "SELECT set_config('synchronous_commit', 'off', true)",
                move(follower, in: database, to: position, under: lease),
            ])
        }
        guard answers[1].affected == 1 else { throw LeaseLost(lease) }
    }
}

/// A place in the order of a database's changes.
package struct Position: Sendable, Hashable {
    package let incarnation: String
    package let seq: Int

    package init(incarnation: String, seq: Int) {
        self.incarnation = incarnation
        self.seq = seq
    }
}

/// Another process holds the lease now, so what this one was about to write does not count.
package struct LeaseLost: Error, Sendable {
    package let name: String

    package init(_ lease: Lease) {
        name = lease.name
    }
}

extension Duration {
    /// The duration in seconds, as PostgreSQL's intervals are multiplied by.
    package var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
