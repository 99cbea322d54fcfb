import JSON

/// In which groups a reader was since a place in the order of changes; pure.
struct MembershipHistory: Sendable {
    /// A group that the reader joined or left.
    struct Event: Sendable, Hashable {
        let seq: Int
        let group: ExactText
        let joined: Bool
    }

    /// The groups that the reader is in now.
    let groups: Set<ExactText>
    /// What happened since the place, in order.
    let events: [Event]

    /// The joinings behind a number that hold on, in order.
    func joinings(behind number: Int) -> [Event] {
        var last: [ExactText: Event] = [:]
        for event in events { last[event.group] = event }
        return last.values.filter { $0.joined && $0.seq > number && groups.contains($0.group) }
            .sorted { $0.seq < $1.seq }
    }

    /// The groups that the reader was in at some time since the place, and is not in now.
    var formerGroups: Set<ExactText> { Set(events.map(\.group)).subtracting(groups) }

    /// Whether the reader was in the group when that change, which came after the place, was made.
    func isMember(of name: String, at seq: Int) -> Bool {
        let group = ExactText(name)
        let own = events.filter { $0.group == group }
        if let before = own.last(where: { $0.seq <= seq }) { return before.joined }
        // What happened first to the membership tells what it was until then.
        if let after = own.first { return !after.joined }
        return groups.contains(group)
    }
}
