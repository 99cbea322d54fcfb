import JSON
import Schedules
import Sequences

extension ProjectReader {
    /// Reads `jobs/<name>.yaml`.
    func readJob(_ name: String, file: String) -> Job? {
        guard var members = members(of: file, subject: "a job") else { return nil }
        let description = members.text("description")
        let sequence = members.sequence()
        let variables = JSONObject((members.mapping("with") ?? []).map { ($0.name, $0.node.json) })
        let schedule = readSchedule(&members)
        let missed: MissedFirings = members.choice("missed", default: .once)
        let overlap: Overlap = members.choice("overlap", default: .skip)
        let runAs = members.text("runAs")
        let isEnabled = members.flag("enabled", default: true)
        members.finish()
        guard let sequence, let schedule else { return nil }
        return Job(
            name: name,
            description: description,
            sequence: sequence,
            variables: variables,
            schedule: schedule,
            missed: missed,
            overlap: overlap,
            runAs: runAs,
            isEnabled: isEnabled,
            positions: members.positions
        )
    }

    private func readSchedule(_ members: inout SourceMembers) -> Schedule? {
        guard let member = members.take("schedule") else {
            members.reportMissing("schedule", expected: "{every: 10m}, {cron: …, timeZone: …} or {at: …}")
            return nil
        }
        guard var reader = SourceMembers(member.node, subject: "a schedule", problems: problems) else { return nil }
        let every = reader.duration("every", atMost: .seconds(Schedule.longestInterval), default: .zero)
        let cron = reader.text("cron")
        let zone = readZone(&reader)
        let at = reader.text("at")
        let written = ["every", "cron", "at"].filter(reader.has)
        reader.finish()
        guard written.count == 1 else {
            if written.isEmpty {
                reader.reportMissing("every", expected: "a duration; or 'cron', or 'at'")
            } else {
                problems.report(
                    "'\(written[0])' and '\(written[1])' exclude each other",
                    at: reader.position(of: written[1])
                )
            }
            return nil
        }
        if reader.has("timeZone"), cron == nil {
            problems.report("'timeZone' goes with 'cron' only", at: reader.position(of: "timeZone"))
        }
        if let cron {
            do {
                return .cron(try CronExpression(cron), in: zone)
            } catch {
                problems.report("the cron expression is wrong: \(error)", at: reader.position(of: "cron"))
                return nil
            }
        }
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
