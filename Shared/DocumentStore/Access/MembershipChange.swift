import CouchProtocol
import JSON
import Postgres

/// What a change of a user's groups is to the databases: an event in the order of changes of each, and a departure for
/// each feed of a group that the user has left.
///
/// It costs a few rows, however large the groups are, because nothing is committed meanwhile: what was there before a
/// joining is found when a device asks, and what is lost by leaving is noted afterwards (``Departure``).
struct MembershipChange: Sendable {
    let user: String
    let before: Set<ExactText>
    let after: Set<ExactText>

    private var joined: [String] { after.subtracting(before).sortedTexts }
    private var left: [String] { before.subtracting(after).sortedTexts }

    /// Records it in every database, within the transaction that changes the memberships.
    func record(over connection: PostgresConnection) async throws {
        // The counters are locked in one order, so that two of these do not wait for one another for ever. From here on
        // nothing is committed elsewhere: whoever reads the memberships of now finds these events, too. (In a statement
        // of its own: what follows sees all that was committed while this one waited.)
        _ = try await connection.query("SELECT FROM counters ORDER BY database FOR UPDATE")
        let events = joined + left
        let areJoined = events.map { after.contains(ExactText($0)) }
        try await connection.execute(
            """
            WITH events AS (
                INSERT INTO membership_events (database, seq, user_name, group_name, joined)
                SELECT database, counters.seq + place, \(user), name, joined
                FROM counters CROSS JOIN unnest(\(events), \(areJoined)) WITH ORDINALITY
                    AS changed (name, joined, place)
            ), departures AS (
                INSERT INTO departures (user_name, database, feed, seq, last_document, before, after)
                SELECT \(user), database, feeds.id, counters.seq + \(Int64(events.count)),
                    coalesce(pg_sequence_last_value(pg_get_serial_sequence('documents', 'number')::regclass), 0),
                    \(before.sortedTexts), \(after.sortedTexts)
                FROM counters JOIN feeds USING (database) WHERE kind = 'group' AND name = ANY(\(left))
            )
            UPDATE counters SET seq = seq + \(Int64(events.count))
            """
        )
    }
}
