package import Foundation
import Postgres

/// A listener or a job that rests, as an operator wanted.
package struct Pause: Sendable, Hashable {
    /// What can rest.
    package enum Kind: String, Sendable {
        case listener
        case job
    }

    package let project: String
    package let name: String
    package let since: Date
    package let by: String
}

extension ControlStore {
    /// Everything of that kind that rests.
    package func pauses(_ kind: Pause.Kind) async throws -> [Pause] {
        let rows = try await client.query(
            """
            SELECT project, name, paused_at, paused_by FROM pauses WHERE kind = \(kind.rawValue) ORDER BY project, name
            """
        )
        return try rows.map { row in
            let (project, name, since, by) = try row.decode(String.self, String.self, Date.self, String.self)
            return Pause(project: project, name: name, since: since, by: by)
        }
    }

    /// Lets a listener or a job rest; one that rests already goes on resting.
    package func pause(_ kind: Pause.Kind, _ name: String, of project: String, by operator: String) async throws {
        try await client.execute(
            """
            INSERT INTO pauses (kind, project, name, paused_by)
            VALUES (\(kind.rawValue), \(project), \(name), \(`operator`)) ON CONFLICT DO NOTHING
            """
        )
    }

    /// Ends the rest of a listener, which goes on with the first change that it has not seen.
    package func resumeListener(_ name: String, of project: String) async throws {
        try await client.execute(
            "DELETE FROM pauses WHERE kind = 'listener' AND project = \(project) AND name = \(name)"
        )
    }

    /// Ends the rest of a job: what it would have fired meanwhile was not missed, for it was not to fire.
    package func resumeJob(_ name: String, of project: String) async throws {
        try await client.transaction { connection in
            let ended = try await connection.execute(
                "DELETE FROM pauses WHERE kind = 'job' AND project = \(project) AND name = \(name)"
            )
            guard ended == 1 else { return }
            try await connection.execute(
                """
                UPDATE schedules SET decided_until = greatest(decided_until, date_trunc('second', clock_timestamp()))
                WHERE job = \(Self.key(ofJob: name, of: project))
                """
            )
        }
    }

    /// The name under which a job's firings are kept.
    package static func key(ofJob name: String, of project: String) -> String { "\(project)/\(name)" }
}
