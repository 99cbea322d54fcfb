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
    /// Its effect may have happened and must not be repeated blindly: a person decides.
    case uncertain(Failure)
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
        return try await client.transaction { connection in
            let rows = try await connection.query(end.update(run: uuid, claim: run.claim))
            guard rows.first != nil else {
                let written = try await connection.query(
                    "SELECT id FROM runs WHERE id = \(uuid) AND claim = \(run.claim) AND state = \(end.state.rawValue)"
                )
                return written.first == nil ? nil : []
            }
            return end.freesItsKeys ? try await freeKeys(of: uuid, over: connection) : []
        }
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
        return try await client.transaction { connection in
            let cancelled = try await connection.query(
                """
                UPDATE runs SET state = 'cancelled', finished_at = coalesce(finished_at, now()), claim = claim + 1,
                    claimed_until = NULL
                WHERE id = \(uuid) AND state IN ('waiting', 'running', 'failed', 'uncertain')
                RETURNING claim
                """
            )
            guard let row = cancelled.first else { return nil }
            return (try await freeKeys(of: uuid, over: connection), try row.decode(Int64.self, at: 0))
        }
    }

    /// Takes the run out of the lines in which it stands.
    ///
    /// - Returns: The runs that stood behind it.
    private func freeKeys(of run: UUID?, over connection: PostgresConnection) async throws -> [String] {
        let next = try await connection.query(
            """
            WITH freed AS (DELETE FROM run_keys WHERE run = \(run) RETURNING key, number)
            SELECT DISTINCT younger.run FROM freed CROSS JOIN LATERAL (
                SELECT run FROM run_keys WHERE key = freed.key AND number > freed.number ORDER BY number LIMIT 1
            ) AS younger
            """
        )
        return try next.map { try $0.decode(UUID.self, at: 0).uuidString.lowercased() }
    }
}

extension RunEnd {
    /// Whether younger runs that share a key may begin.
    fileprivate var freesItsKeys: Bool {
        switch self {
        case .succeeded, .failed(_, holding: false), .cancelled: true
        case .retry, .failed(_, holding: true), .uncertain: false
        }
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

    fileprivate func update(run: UUID?, claim: Int64) -> PostgresQuery {
        switch self {
        case .succeeded:
            """
            UPDATE runs SET state = 'succeeded', finished_at = now(), claimed_until = NULL, error = NULL
            WHERE id = \(run) AND claim = \(claim) AND state = 'running' RETURNING id
            """
        case .retry(let failure, let delay, let isCounted):
            """
            UPDATE runs SET state = 'waiting', claimed_until = NULL, error = \(failure.bytes),
                uncounted = uncounted + \(Int32(isCounted ? 0 : 1)),
                available_at = now() + \(delay.seconds) * interval '1 second',
                nudge_at = now() + \(delay.seconds) * interval '1 second'
            WHERE id = \(run) AND claim = \(claim) AND state = 'running' RETURNING id
            """
        case .failed(let failure, _):
            """
            UPDATE runs SET state = 'failed', finished_at = now(), claimed_until = NULL, error = \(failure.bytes)
            WHERE id = \(run) AND claim = \(claim) AND state = 'running' RETURNING id
            """
        case .uncertain(let failure):
            """
            UPDATE runs SET state = 'uncertain', finished_at = now(), claimed_until = NULL, error = \(failure.bytes)
            WHERE id = \(run) AND claim = \(claim) AND state = 'running' RETURNING id
            """
        case .cancelled(let failure):
            """
            UPDATE runs SET state = 'cancelled', finished_at = now(), claimed_until = NULL, error = \(failure.bytes)
            WHERE id = \(run) AND claim = \(claim) AND state = 'running' RETURNING id
            """
        }
    }
}

extension Failure {
    /// The failure as the text of a JSON object.
    var bytes: [UInt8] { JSONValue.object(fields).bytes }
}
