import JSON
import TestSupport
import Testing

// Every effect happened once, and those of a document in their order.

extension Oracle {
    /// Each note reached the ERP once, and those of a work order in their order.
    func expectEffects(of written: [String: [String]]) async throws {
        var effects: [String: [String]] = [:]
        let lines = try await system.query(
            "SELECT work_order || '|' || (answer->>'notes') FROM erp.effects WHERE answer IS NOT NULL ORDER BY at",
            of: "erp"
        )
        for line in lines {
            let parts = line.split(separator: "|", maxSplits: 1).map(String.init)
            if parts.count == 2 { effects[parts[0], default: []].append(parts[1]) }
        }
        for (order, notes) in written {
            #expect(effects[order] ?? [] == notes, "work order \(order)")
        }
    }

    /// Each wish has one work order, those of a document were made in their order, and the ledger and the devices'
    /// database have their numbers.
    func expectWishes(_ wished: [String: [String]], _ ledger: Ledger) async throws {
        let lines = try await system.query(
            "SELECT number || '|' || title FROM erp.work_orders WHERE title LIKE 'wish %' ORDER BY number",
            of: "erp"
        )
        let made = lines.map { $0.split(separator: "|", maxSplits: 1).map(String.init) }
        let titles = Dictionary(grouping: made.map { $0[1] }) { title in
            "wish-" + title.split(separator: " ")[1]
        }
        #expect(titles == wished, "work orders that were wished for")
        let noted = ledger.those("wish").map { "\($0["number"]?.stringValue ?? "")|\($0["title"]?.stringValue ?? "")" }
        #expect(noted.sorted() == lines.sorted(), "their numbers in the ledger")
        let answer = try await system.administrator.ask(
            "GET",
            "/\(FaultProject.documents)/_all_docs?startkey=%22made-%22&endkey=%22made-zzzz%22"
        )
        let known = (answer["rows"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
        #expect(known.sorted() == made.map { "made-" + $0[0] }.sorted(), "their numbers on the devices")
    }

    /// Each change of a mixed document had its effect in its order, but for those that are poison, each of which was
    /// set aside.
    func expectMixed(_ mixed: [String: [Dispatcher.Change]], _ ledger: Ledger) async throws {
        let good = mixed.mapValues { $0.filter { !$0.isBad }.map(\.number) }.filter { !$0.value.isEmpty }
        let noted = Dictionary(grouping: ledger.those("mixed")) { $0["id"]?.stringValue ?? "" }
        #expect(noted.mapValues { $0.compactMap { $0["n"]?.intValue } } == good, "changes that others let pass")
        let poison = try await system.query(
            """
            SELECT convert_from(variables, 'utf8')::json->'doc'->0->>'n' FROM runs
            WHERE project = '\(FaultProject.name)' AND source = 'mixed' AND state = 'failed'
            """
        )
        let bad = mixed.values.flatMap(\.self).filter(\.isBad).map(\.number)
        #expect(poison.compactMap { Int($0) }.sorted() == bad.sorted(), "changes that were set aside")
    }

    /// Each change of a device has one entry of the ledger, and each change of whomever has another one; those of a
    /// document are in their order.
    func expectChanges(_ ledger: Ledger) async throws {
        try await expectChanges(whose: "origin = 'device'", noted: ledger.those("change"))
        try await expectChanges(whose: "change_log.id NOT LIKE '\\_design/%'", noted: ledger.those("echo"))
    }

    private func expectChanges(whose condition: String, noted: [JSONValue]) async throws {
        let changes = try await system.query(
            """
            SELECT change_log.id || ' ' || rev FROM change_log JOIN databases ON databases.id = change_log.database
            WHERE name = '\(FaultProject.documents)' AND \(condition) ORDER BY seq
            """
        )
        let recorded = noted.map { "\($0["id"]?.stringValue ?? "") \($0["rev"]?.stringValue ?? "")" }
        let missing = Set(changes).subtracting(recorded)
        #expect(missing.isEmpty, "changes without an effect, \(condition)")
        let twice = Dictionary(grouping: recorded) { $0 }.filter { $0.value.count > 1 }.keys
        #expect(twice.isEmpty, "changes with more than one effect, \(condition)")
        #expect(recorded.count == changes.count, "\(condition)")
        func byDocument(_ lines: [String]) -> [Substring: [String]] {
            Dictionary(grouping: lines) { $0.prefix { $0 != " " } }
        }
        #expect(byDocument(recorded) == byDocument(changes), "the order of a document's effects, \(condition)")
    }

    /// Each notification has one entry of the ledger.
    func expectPings(_ count: Int, _ ledger: Ledger) {
        let numbers = ledger.those("ping").compactMap { $0["n"]?.intValue }.sorted()
        #expect(numbers == Array(1...max(count, 1)).prefix(count).map(\.self), "notifications")
    }

    /// Waits until both jobs have fired for a time after that one, in seconds since 1970.
    func waitForFirings(after time: Int) async throws {
        try await eventually("both jobs have fired after the faults", within: Self.patience) {
            let lines = try? await system.query(
                """
                SELECT job FROM firings WHERE job IN ('\(FaultProject.name)/tick', '\(FaultProject.name)/count')
                GROUP BY job HAVING extract(epoch FROM max(at)) > \(time)
                """
            )
            return lines?.count == 2
        }
    }

    /// The jobs fired at each of their times in that span, in seconds since 1970, and each firing has one effect: an
    /// entry of the ledger, or of the ERP's.
    func expectFirings(_ ledger: Ledger, countedAt order: String, during span: Range<Int>) async throws {
        let ticks = try await firings(of: "tick", every: FaultProject.interval, during: span)
        #expect(ledger.those("tick").count == ticks.count, "firings and their effects")
        let counts = try await firings(of: "count", every: FaultProject.countingInterval, during: span)
        let counted = try await system.query(
            """
            SELECT split_part(idempotency_key, '/', 1) FROM erp.effects
            WHERE work_order = '\(order)' AND answer IS NOT NULL
            """,
            of: "erp"
        )
        #expect(counted.sorted() == counts.sorted(), "firings by job and time, and what the ERP has counted")
    }

    /// Within how many seconds of a deployment a slow machine has its jobs fire.
    private static let beginnings = 60

    /// The runs of a job's firings, one for each of its times.
    private func firings(of job: String, every interval: Int, during span: Range<Int>) async throws -> [String] {
        let lines = try await system.query(
            """
            SELECT extract(epoch FROM at)::bigint, coalesce(run::text, 'none') FROM firings
            WHERE job = '\(FaultProject.name)/\(job)' ORDER BY at
            """
        )
        let firings = lines.map { $0.split(separator: "|").map(String.init) }
        // The first one may be at the job's beginning, when a scheduler has seen it; the others are those of the clock.
        let times = firings.compactMap { Int($0[0]) }
        let beginning = try #require(times.first, "firings of \(job)")
        #expect(beginning <= span.lowerBound + Self.beginnings, "the first time of \(job)")
        let regular = Array(times.dropFirst())
        let first = try #require(regular.first, "more than one firing of \(job)")
        let last = try #require(regular.last)
        #expect(first <= beginning + interval, "the second time of \(job)")
        #expect(last > span.upperBound, "the last time of \(job)")
        #expect(regular == Array(stride(from: first, through: last, by: interval)), "times of \(job)")
        return firings.map { $0[1] }
    }
}

/// What the sequences have noted, in the order in which it was committed.
struct Ledger: Sendable {
    private let entries: [JSONValue]

    init(of system: FaultySystem) async throws {
        let answer = try await system.administrator.ask(
            "GET",
            "/\(FaultProject.ledger)/_changes?include_docs=true"
        )
        entries = (answer["results"]?.arrayValue ?? []).compactMap { $0["doc"] }
    }

    func those(_ kind: String) -> [JSONValue] { entries.filter { $0["kind"]?.stringValue == kind } }
}
