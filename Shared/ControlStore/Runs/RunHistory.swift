package import Contracts
package import Foundation
package import JSON
import Postgres

/// Which runs are meant; nil means any.
package struct RunFilter: Sendable, Hashable {
    package var state: RunState?
    /// The project of the sequence, or of the listener or job that made the run.
    package var project: String?
    package var sequence: String?
    package var cause: RunCause?
    /// The name of the listener, job or notification.
    package var source: String?
    /// Whom the run works for.
    package var user: String?
    /// Made then or later.
    package var since: Date?

    package init(state: RunState? = nil) {
        self.state = state
    }

    /// Whether the runs in the state are found without looking at the others.
    private var isStateIndexed: Bool { state != nil && state != .succeeded }

    /// How much later a run's number may be taken than its time: both are of one transaction, which may have to wait.
    private static let slack: TimeInterval = 3_600

    /// A bound of the numbers of runs that were made then or later, so that the others are not looked at: numbers and
    /// times grow together.
    private static func numbers(since: Date) -> PostgresQuery {
        """
        number > coalesce((
            SELECT older.number FROM runs AS older WHERE older.created_at < \(since.addingTimeInterval(-slack))
            ORDER BY older.number DESC LIMIT 1
        ), 0)
        """
    }

    fileprivate var condition: PostgresQuery {
        // The state stands in the text, so that the index of the few runs in that state serves.
        var condition = PostgresQuery(unescaped: state.map { "state = '\($0.rawValue)'" } ?? "true")
        func require(_ part: PostgresQuery?) {
            if let part { condition = "\(fragment: condition) AND \(fragment: part)" }
        }
        require(project.map { "(project = \($0) OR source_project = \($0))" })
        require(sequence.map { "sequence = \($0)" })
        require(cause.map { "cause = \($0.rawValue)" })
        require(source.map { "source = \($0)" })
        require(user.map { "run_as = \($0)" })
        require(since.map { "created_at >= \($0)" })
        if let since, !isStateIndexed { require(Self.numbers(since: since)) }
        return condition
    }
}

/// A page of the runs in the order of their making, which their numbers are.
package enum RunPage: Sendable, Hashable {
    /// The newest first.
    case newest
    /// The newest first of those with a smaller number.
    case before(Int)
    /// The oldest first of those with a greater number.
    case after(Int)
}

extension ControlStore {
    /// What ran lately, as `GET /_fullsync/runs` answers it.
    ///
    /// - Parameters:
    ///   - filter: Which runs are meant.
    ///   - page: Which of them are shown, and in which order.
    package func runs(_ filter: RunFilter, _ page: RunPage = .newest, limit: Int) async throws -> [JSONObject] {
        let (start, order): (PostgresQuery, String) =
            switch page {
            case .newest: ("true", "DESC")
            case .before(let number): ("number < \(Int64(number))", "DESC")
            case .after(let number): ("number > \(Int64(number))", "ASC")
            }
        let rows = try await client.query(
            """
            SELECT \(unescaped: Self.historyColumns) FROM runs
            WHERE \(fragment: start) AND \(fragment: filter.condition)
            ORDER BY number \(unescaped: order) LIMIT \(Int64(limit))
            """
        )
        return try rows.map(Self.history)
    }

    /// That run, as `GET /_fullsync/runs/<id>` answers it; nil when there is none.
    package func run(_ id: String) async throws -> JSONObject? {
        guard let uuid = UUID(uuidString: id) else { return nil }
        let rows = try await client.query(
            "SELECT \(unescaped: Self.historyColumns) FROM runs WHERE id = \(uuid)"
        )
        return try rows.first.map(Self.history)
    }

    private static let historyColumns = """
        id, number, project, version, sequence, cause, source, run_as, state, attempts, created_at, started_at,
        finished_at, error, trace_id
        """

    private static func history(_ row: PostgresRow) throws -> JSONObject {
        let (
            id, number, project, version, sequence, cause, source, user, state, attempts, created, started, finished,
            error, trace
        ) = try row.decode(
            UUID.self,
            Int64.self,
            String.self,
            Int32?.self,
            String.self,
            String.self,
            String.self,
            String?.self,
            String.self,
            Int32.self,
            Date.self,
            Date?.self,
            Date?.self,
            [UInt8]?.self,
            String.self
        )
        var result: JSONObject = [
            "id": .string(id.uuidString.lowercased()), "number": .number(JSONNumber(Int(number))),
            "project": .string(project), "version": version.map { .number(JSONNumber(Int($0))) } ?? .null,
            "sequence": .string(sequence), "cause": .string(cause), "source": .string(source),
            "user": user.map(JSONValue.string) ?? .null, "state": .string(state),
            "attempts": .number(JSONNumber(Int(attempts))), "created": .string(created.formatted(.iso8601)),
            "started": started.map { .string($0.formatted(.iso8601)) } ?? .null,
            "finished": finished.map { .string($0.formatted(.iso8601)) } ?? .null, "trace": .string(trace),
        ]
        result["duration"] = .null
        if let started, let finished {
            let milliseconds = JSONValue.number(JSONNumber(Int(finished.timeIntervalSince(started) * 1_000)))
            result["duration"] = milliseconds
            // As it was called before.
            result["milliseconds"] = milliseconds
        }
        if let error { result["error"] = try JSONValue(parsing: error, limits: .unlimited) }
        return result
    }
}
