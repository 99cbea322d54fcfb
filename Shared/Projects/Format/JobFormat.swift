import JSON
import Schedules
import Sequences

extension ProjectReader {
    /// Reads `jobs/<name>.yaml`.
    ///
    /// - Parameter isMember: Whether a group has it, so that it needs no schedule of its own.
    func readJob(_ name: String, file: String, isMember: Bool = false) -> Job? {
        guard var members = members(of: file, subject: "a job") else { return nil }
        let description = members.text("description")
        let work = readWork(&members)
        problems.pardon(holder: members.node(of: "with"))
        let variables = JSONObject((members.mapping("with") ?? []).map { ($0.name, $0.node.json) })
        let timetable = readTimetable(&members, isMember: isMember)
        let missed: MissedFirings = members.choice("missed", default: .once)
        let overlap: Overlap = members.choice("overlap", default: .skip)
        let runAs = members.text("runAs")
        let isEnabled = members.flag("enabled", default: true)
        members.finish()
        guard let work, let timetable else { return nil }
        return Job(
            name: name,
            description: description,
            work: work,
            variables: variables,
            timetable: timetable,
            missed: missed,
            overlap: overlap,
            runAs: runAs,
            isEnabled: isEnabled,
            positions: members.positions
        )
    }

    /// Reads `schedule`: one, a list of several, or an empty list for none.
    private func readTimetable(_ members: inout SourceMembers, isMember: Bool) -> Timetable? {
        guard let nodes = members.list("schedule") else {
            if isMember { return Timetable([]) }
            members.reportMissing(
                "schedule",
                expected: "{every: 10m}, {cron: …, timeZone: …}, {at: …}, a list of them, or [] to run by hand only"
            )
            return nil
        }
        guard nodes.count <= Timetable.largest else {
            problems.report(
                "a job has \(Timetable.largest) schedules at most",
                at: members.position(of: "schedule")
            )
            return nil
        }
        let schedules = nodes.compactMap(readSchedule)
        return schedules.count == nodes.count ? Timetable(schedules) : nil
    }

    private func readSchedule(_ node: SourceNode) -> Schedule? {
        guard var reader = SourceMembers(node, subject: "a schedule", problems: problems) else { return nil }
        let every = reader.duration("every", atMost: .seconds(Schedule.longestInterval), default: .zero)
        let cron = readCron("cron", &reader)
        let at = reader.text("at")
        let written = reader.exclusive(["every", "cron", "at"])
        reader.finish()
        if written.isEmpty { reader.reportMissing("every", expected: "a duration; or 'cron', or 'at'") }
        guard written.count == 1 else { return nil }
        if reader.has("cron") { return cron.map { .cron($0.expression, in: $0.zone) } }
        if let at {
            guard let time = Timestamp(at) else {
                problems.report("'at' must be a time like 2026-12-01T06:00:00Z", at: reader.position(of: "at"))
                return nil
            }
            return .at(time)
        }
        guard every != .zero else { return nil }
        guard every.components.attoseconds == 0 else {
            problems.report("'every' must be whole seconds", at: reader.position(of: "every"))
            return nil
        }
        return .every(seconds: Int(every.components.seconds))
    }

    /// Reads a cron expression with the `timeZone` beside it.
    func readCron(_ name: String, _ members: inout SourceMembers) -> (expression: CronExpression, zone: Zone)? {
        let text = members.text(name)
        let zone = readZone(&members)
        guard let text else {
            if members.has("timeZone"), !members.has(name) {
                problems.report("'timeZone' goes with '\(name)' only", at: members.position(of: "timeZone"))
            }
            return nil
        }
        do {
            return (try CronExpression(text), zone)
        } catch {
            problems.report("the cron expression is wrong: \(error)", at: members.position(of: name))
            return nil
        }
    }

    private func readZone(_ members: inout SourceMembers) -> Zone {
        guard let text = members.text("timeZone") else { return .utc }
        guard let zone = Zone(text) else {
            let near = nearestName(to: text, among: Zone.knownIdentifiers)
            problems.report(
                "there is no time zone '\(text)'",
                at: members.position(of: "timeZone"),
                suggestion: near.map { "did you mean '\($0)'?" } ?? "use a name of the IANA database, like Europe/Paris"
            )
            return .utc
        }
        return zone
    }
}
