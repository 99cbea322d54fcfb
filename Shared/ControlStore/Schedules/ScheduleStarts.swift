import Postgres
import Projects
import Schedules

extension ControlStore {
    /// Notes from when on the schedules of a project's jobs count, for the transaction that makes the jobs live.
    ///
    /// A schedule that is new, or another than before, begins now: what it would have fired earlier was never due. An
    /// interval that is new is left to a scheduler, which fires it at once. A job that is disabled or gone is
    /// forgotten, and is new when it comes back.
    func startSchedules(of jobs: [Job], in project: String, _ connection: PostgresConnection) async throws {
        let enabled = jobs.filter(\.isEnabled)
        let keys = enabled.map { Self.key(ofJob: $0.name, of: project) }
        try await forgetSchedules(of: project, but: keys, connection)
        try await connection.execute(
            """
            INSERT INTO schedules AS known (job, decided_until, schedule)
            SELECT job, CASE WHEN NOT fires_at_once THEN date_trunc('second', clock_timestamp()) END, schedule
            FROM unnest(\(keys), \(enabled.map(\.timetable.description)), \(enabled.map(\.timetable.firesAtOnce)))
                AS new (job, schedule, fires_at_once)
            ON CONFLICT (job) DO UPDATE
            SET schedule = excluded.schedule, decided_until = date_trunc('second', clock_timestamp())
            WHERE known.schedule IS DISTINCT FROM excluded.schedule
            """
        )
    }

    /// Forgets what was decided about the project's jobs, but for those of these keys.
    func forgetSchedules(of project: String, but keys: [String] = [], _ connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            DELETE FROM schedules
            WHERE starts_with(job, \(Self.key(ofJob: "", of: project))) AND job <> ALL (\(keys))
            """
        )
    }
}
