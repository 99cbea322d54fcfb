import Postgres

extension DocumentStore {
    /// Deletes contents to which no revision refers, and has not for that long: what was sent and never used, and what
    /// documents do not have any more.
    ///
    /// Any number may sweep at the same time. A content that a commit is about to refer to is not taken from it.
    ///
    /// - Returns: How many candidates were looked at; as many as `limit` means that there may be more.
    package func sweepContents(olderThan age: Duration, limit: Int) async throws -> Int {
        let seconds = Double(age.components.seconds)
        let rows = try await client.query(
            "SELECT sweep_contents(\(seconds) * interval '1 second', \(Int32(clamping: limit)))"
        )
        return Int(try rows.first?.decode(Int32.self, at: 0) ?? 0)
    }
}
