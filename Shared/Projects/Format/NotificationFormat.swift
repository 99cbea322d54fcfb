import Sequences

extension ProjectReader {
    /// Reads `notifications: {name: sequence, other: {sequence, runAs}}` of `project.yaml`.
    func readNotifications(_ members: inout SourceMembers) -> [String: NotificationRule] {
        var result: [String: NotificationRule] = [:]
        for member in members.mapping("notifications") ?? [] {
            guard Names.isThing(member.name) else {
                problems.report(
                    "'\(member.name)' is no name for a notification: letters, digits, '-' and '_' only, a letter first",
                    at: member.position
                )
                continue
            }
            if let rule = readNotification(member) { result[member.name] = rule }
        }
        return result
    }

    private func readNotification(_ member: SourceMember) -> NotificationRule? {
        if let text = member.node.string {
            guard let sequence = SequenceReference(text) else {
                problems.report("must name a sequence, or project/sequence", at: member.node.position)
                return nil
            }
            return NotificationRule(name: member.name, sequence: sequence, position: member.node.position)
        }
        guard var reader = SourceMembers(member.node, subject: "a notification", problems: problems) else { return nil }
        let sequence = reader.sequence()
        let runAs = reader.text("runAs")
        reader.finish()
        return sequence.map {
            NotificationRule(
                name: member.name,
                sequence: $0,
                runAs: runAs,
                position: reader.position(of: "sequence")
            )
        }
    }
}
