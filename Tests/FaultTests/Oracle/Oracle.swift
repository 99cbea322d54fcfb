import JSON
import TestSupport
import Testing

/// What must be true when the faults have ended.
struct Oracle: Sendable {
    let system: FaultySystem

    /// How long the backlog of the faults may take.
    static let patience = Duration.seconds(600)

    /// Waits until nothing is left to do, of so many notifications neither.
    func settle(pings: Int) async throws {
        let start = ContinuousClock.now
        try await eventually("the backlog has drained", within: Self.patience) {
            (try? await left(pings: pings).allSatisfy { $0 == "0" }) ?? false
        }
        report("The backlog was gone after \((ContinuousClock.now - start).components.seconds) s.")
        let rest = try await left(pings: pings)
        if rest.contains(where: { $0 != "0" }) {
            report("\(rest)")
            let unfinished = try await system.query(
                "SELECT id, project, sequence, cause, state, attempts, claimed_by, available_at - now(), "
                    + "convert_from(error, 'utf8') FROM runs "
                    + "WHERE state IN ('waiting', 'running', 'uncertain') LIMIT 10"
            )
            for line in unfinished { report(line) }
            report(system.logs)
        }
    }

    /// Waits until the first pulls of the demo have brought the ERP's data.
    func waitForPulls() async throws {
        try await eventually("the first pulls have succeeded", within: .seconds(600)) {
            try await system.query(
                """
                SELECT count(DISTINCT source) FROM runs
                WHERE cause = 'schedule' AND state = 'succeeded' AND project = 'field-service'
                """
            ) == ["3"]
        }
    }

    /// How many runs are unfinished, how many followers are behind, how many notifications nobody took, and what the
    /// ERP has not told.
    private func left(pings: Int) async throws -> [String] {
        try await system.query(
            """
            SELECT count(*) FROM runs WHERE state IN ('waiting', 'running', 'uncertain')
            UNION ALL SELECT count(*) FROM positions JOIN databases ON name = positions.database
                WHERE seq < (SELECT coalesce(max(seq), 0) FROM change_log WHERE change_log.database = databases.id)
            UNION ALL SELECT \(pings) - count(*) FROM notification_keys WHERE key LIKE 'notification/%.ping/ping-%'
            """
        ) + system.query("SELECT count(*) FROM erp.outbox WHERE published_at IS NULL", of: "erp")
    }

    /// No run was set aside but those of poison: everything else that failed could be mended by waiting.
    func expectNothingSetAside() async throws {
        let runs = try await system.query(
            """
            SELECT id, project, sequence, cause, state, attempts, convert_from(error, 'utf8') FROM runs
            WHERE state IN ('failed', 'uncertain', 'cancelled') AND cause NOT IN ('call', 'login')
                AND source <> 'mixed' LIMIT 20
            """
        )
        #expect(runs.isEmpty, "\(runs.joined(separator: "\n"))")
        #expect(system.fallen.isEmpty, "services that ended by themselves")
    }

    /// Each device holds what a look at every document says that its user may read.
    func expectDevices(_ members: [Member]) async throws {
        let answer = try await system.administrator.ask(
            "GET",
            "/\(FaultProject.documents)/_all_docs?include_docs=true"
        )
        let documents = (answer["rows"]?.arrayValue ?? []).compactMap { $0["doc"] }
        for member in members {
            let listed = try await system.administrator.ask("GET", "/_fullsync/users/\(member.name)/groups")
            let groups = Set((listed["groups"]?.arrayValue ?? []).compactMap(\.stringValue))
            var expected: [String: JSONValue] = [:]
            for document in documents where Self.mayRead(document, member.name, groups) {
                expected[document["_id"]?.stringValue ?? ""] = document["n"] ?? .null
            }
            try await member.pull()
            if member.isLive {
                try await eventually("the live device of \(member.name) has all", within: Self.patience) {
                    await member.contents() == expected
                }
            }
            #expect(await member.contents() == expected, "the device of \(member.name)")
            await member.end()
        }
    }

    private static func mayRead(_ document: JSONValue, _ user: String, _ groups: Set<String>) -> Bool {
        let owner = document["~owner"]?.stringValue
        let tags = (document["~groups"]?.arrayValue ?? []).compactMap(\.stringValue)
        return owner == nil && tags.isEmpty || owner == user || !groups.isDisjoint(with: tags)
    }

    /// The documents say of every work order what the ERP says.
    func expectOrders() async throws {
        _ = try await system.administrator.ask(
            "POST",
            "/_fullsync/projects/field-service/sequences/pull-work-orders",
            [:]
        )
        let lines = try await system.query("SELECT number, technician, notes FROM erp.work_orders", of: "erp")
        let answer = try await system.administrator.ask(
            "GET",
            "/fieldservice/_all_docs?include_docs=true&startkey=%22workorder:%22&endkey=%22workorder:zzzz%22"
        )
        let documents = (answer["rows"]?.arrayValue ?? []).compactMap { $0["doc"] }
        let described = documents.map { document in
            ["number", "technician", "notes"].map { document[$0]?.stringValue ?? "" }.joined(separator: "|")
        }
        #expect(described.sorted() == lines.sorted())
    }
}
