package import Contracts
import Foundation
import JSON
import Postgres

/// How an attempt at a run ended.
package enum RunEnd: Sendable {
    case succeeded
    /// It is tried again after the delay. An attempt is not counted that only found out that something the run needs
    /// is away.
    case retry(Failure, after: Duration, isCounted: Bool = true)
    /// It will not be tried again. `holding` keeps the younger runs that share its keys waiting until a person
    /// retries or cancels it.
    case failed(Failure, holding: Bool)
    /// Its effect may have happened and must not be repeated blindly: a person decides. `holding` is as for `failed`.
    case uncertain(Failure, holding: Bool)
    /// It was ended from outside.
    case cancelled(Failure)
}

extension ControlStore {
    /// Writes down how a claimed run ended; once more, when it is not known whether that was written, does no harm.
    ///
    /// - Returns: The runs that waited for this one and may be ready now; nil when the claim was lost, in which case
    ///   nothing was written.
    package func finish(_ run: ClaimedRun, _ end: RunEnd) async throws -> [String]? {
        let uuid = UUID(uuidString: run.id)
        let change: PostgresQuery = """
            UPDATE runs SET claimed_until = NULL, \(fragment: end.changes),
                left_lines = \(unescaped: end.isSetAsideForOthers ? Self.linesThatAreLeft : "left_lines")
            WHERE id = \(uuid) AND claim = \(run.claim) AND state = 'running' RETURNING id, claim
            """
        guard let ended = try await self.end(by: change, freeingKeys: end.freesItsKeys) else {
            let written = try await client.query(
                "SELECT id FROM runs WHERE id = \(uuid) AND claim = \(run.claim) AND state = \(end.state.rawValue)"
            )
            return written.first == nil ? nil : []
        }
        return try await firstInLine(of: ended.keys)
    }

    /// Cancels a run that waits or is under way, or sets one aside for good that failed or is uncertain, so that the
    /// younger runs which wait for it may begin.
    ///
    /// A worker that has it in hand loses its claim: nothing that it does from then on counts, and it hears of it when
    /// it next prolongs its claims. What the run has done stays done.
    ///
    /// - Returns: The runs that waited for this one and may be ready now, and the run's claim, which no worker that had
    ///   it so far has; nil when the run cannot be cancelled.
    package func cancelRun(_ id: String) async throws -> (next: [String], claim: Int64)? {
        guard let uuid = UUID(uuidString: id) else { return nil }
        let change: PostgresQuery = """
            UPDATE runs SET state = 'cancelled', finished_at = coalesce(finished_at, now()), claim = claim + 1,
                claimed_until = NULL, left_lines = \(unescaped: Self.linesThatAreLeft)
            WHERE id = \(uuid) AND state IN ('waiting', 'running', 'failed', 'uncertain')
            RETURNING id, claim
            """
        guard let ended = try await end(by: change, freeingKeys: true) else { return nil }
        return (try await firstInLine(of: ended.keys), ended.claim)
    }

    /// Ends a run by a statement that answers its id and its claim, and takes it out of the lines in which it stands.
    ///
    /// - Returns: Its claim, and the keys whose lines it stood in; nil when the statement changed nothing.
    private func end(by change: PostgresQuery, freeingKeys: Bool) async throws -> (claim: Int64, keys: [String])? {
        let rows = try await client.query(
            """
            WITH ended AS (\(fragment: change)), freed AS (
                DELETE FROM run_keys USING ended WHERE run_keys.run = ended.id AND \(freeingKeys)
                RETURNING run_keys.key
            )
            SELECT ended.claim, freed.key FROM ended LEFT JOIN freed ON true
            """
        )
        guard let row = rows.first else { return nil }
        let keys = try rows.compactMap { try $0.decode(String?.self, at: 1) }
        return (try row.decode(Int64.self, at: 0), keys)
    }

    /// The lines in which a run stands that is about to leave them, which it comes back to when it is retried.
    static let linesThatAreLeft =
        "coalesce((SELECT array_agg(key) FROM run_keys WHERE run_keys.run = runs.id), left_lines)"

    /// The runs that are first in line now.
    ///
    /// Looked for only when the run before them is seen by all to be gone: whoever looked at one that was made just
    /// before that has found that its time had not come.
    func firstInLine(of keys: [String]) async throws -> [String] {
        guard !keys.isEmpty else { return [] }
        let rows = try await client.query(
            """
            SELECT DISTINCT first.run FROM unnest(\(keys)) AS freed (key) CROSS JOIN LATERAL (
                SELECT run FROM run_keys WHERE run_keys.key = freed.key ORDER BY number LIMIT 1
            ) AS first
            """
        )
        return try rows.map { try $0.decode(UUID.self, at: 0).uuidString.lowercased() }
    }
}

extension RunEnd {
    /// Whether younger runs that share a key may begin.
    fileprivate var freesItsKeys: Bool {
        switch self {
        case .succeeded, .failed(_, holding: false), .uncertain(_, holding: false), .cancelled: true
        case .retry, .failed(_, holding: true), .uncertain(_, holding: true): false
        }
    }

    /// Whether the run leaves its lines without having done what it stood in them for.
    fileprivate var isSetAsideForOthers: Bool {
        if case .succeeded = self { false } else { freesItsKeys }
    }

    /// What the run is then.
    fileprivate var state: RunState {
        switch self {
        case .succeeded: .succeeded
        case .retry: .waiting
        case .failed: .failed
        case .uncertain: .uncertain
        case .cancelled: .cancelled
        }
    }

    /// What is written into the run's row.
    fileprivate var changes: PostgresQuery {
        switch self {
        case .succeeded: "state = 'succeeded', finished_at = now(), error = NULL"
        case .retry(let failure, let delay, let isCounted):
            """
            state = 'waiting', error = \(failure.bytes), uncounted = uncounted + \(Int32(isCounted ? 0 : 1)),
                available_at = now() + \(delay.seconds) * interval '1 second',
                nudge_at = now() + \(delay.seconds) * interval '1 second'
            """
        case .failed(let failure, _), .uncertain(let failure, _), .cancelled(let failure):
            "state = \(state.rawValue), finished_at = now(), error = \(failure.bytes)"
        }
    }
}

extension Failure {
    /// The failure as the text of a JSON object.
    var bytes: [UInt8] { JSONValue.object(fields).bytes }
}
