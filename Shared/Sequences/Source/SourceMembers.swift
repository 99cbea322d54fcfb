import JSON

/// Reads the members of a mapping by name, with their types, and reports what is left over as unknown.
///
/// Every name that is asked for counts as known, so the suggestion for a misspelt one needs no second list. A reader
/// asks for every member that it knows, whether or not it needs it, and then calls `finish`.
package struct SourceMembers {
    /// The mapping's own position.
    package let position: SourcePosition
    /// What the mapping declares, for messages: `a transaction`.
    package let subject: String
    package let problems: ProblemCollector
    private let members: [String: SourceMember]
    private let order: [SourceMember]
    private let probe: SchemaProbe?
    private var known: Set<String> = []
    /// Members that must be there and are not, until `finish` knows whether one of them was misspelt.
    private var missing: [(name: String, expected: String)] = []
    /// The names that unknown members most likely stood for, once `finish` has found them.
    private var misspelt: Set<String>?

    /// Reads a mapping; anything else is reported and gives nil.
    ///
    /// Nothing at all counts as an empty mapping.
    package init?(_ node: SourceNode, subject: String, problems: ProblemCollector) {
        switch node.content {
        case .mapping(let members): order = members
        case .scalar(.null): order = []
        default:
            problems.report("\(subject) must be a mapping (name: value), found \(node.kind)", at: node.position)
            return nil
        }
        self.members = Dictionary(order.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.position = node.position
        probe = problems.probes?.probe(at: node.position)
        if let probe { problems.probes?.open(probe) }
        self.subject = subject
        self.problems = problems
    }

    /// The member of that name as it was written, or nil when there is none.
    package mutating func take(_ name: String) -> SourceMember? {
        known.insert(name)
        if let probe, let found = problems.probes?.member(name, of: probe) { return found }
        return members[name]
    }

    /// Notes how a member is read, for the JSON Schema of the format.
    package func describe(_ name: String, as kind: SchemaProbe.Kind, isRequired: Bool = false) {
        guard let probe else { return }
        problems.probes?.note(kind, name, of: probe, isRequired: isRequired)
    }

    /// The one element of a member that a JSON Schema is made of; nil when a project is read.
    private func probedElement(of name: String) -> SourceNode? {
        probe.flatMap { problems.probes?.element(of: name, in: $0) }
    }

    /// Whether a member of that name was written.
    ///
    /// Does not make the name known.
    package func has(_ name: String) -> Bool { members[name] != nil }

    /// The value of a member as it was written.
    ///
    /// Does not make the name known.
    package func node(of name: String) -> SourceNode? { members[name]?.node }

    /// Where the member's value stands, or the mapping when there is none.
    package func position(of name: String) -> SourcePosition {
        members[name]?.node.position ?? position
    }

    /// Where each member's value stands.
    package var positions: MemberPositions {
        MemberPositions(start: position, members: members.mapValues(\.node.position))
    }

    /// Reports a member that must be there and is not, unless it is there and misspelt, which `finish` reports.
    package mutating func reportMissing(_ name: String, expected: String) {
        guard let misspelt else {
            missing.append((name, expected))
            return
        }
        guard !misspelt.contains(name) else { return }
        problems.report("\(subject) needs '\(name)': \(expected)", at: position)
    }

    /// Which of these members were written; two of them, which exclude each other, are reported.
    @discardableResult
    package func exclusive(_ names: [String]) -> [String] {
        let written = names.filter(has)
        if written.count > 1 {
            problems.report("'\(written[0])' and '\(written[1])' exclude each other", at: position(of: written[1]))
        }
        return written
    }

    /// Reports a value of the wrong type.
    package func reportType(of name: String, expected: String, found node: SourceNode) {
        problems.report("'\(name)' must be \(expected), found \(node.kind)", at: node.position)
    }

    /// Reports the members that are missing, when what they would say decides what else there may be.
    package mutating func stop() {
        for (name, expected) in missing {
            let near = nearestName(to: name, among: order.map(\.name).filter { !known.contains($0) })
            problems.report(
                "\(subject) needs '\(name)': \(expected)",
                at: position,
                suggestion: near.map { "'\($0)' is unknown" }
            )
        }
        missing = []
    }

    /// Reports the members that nobody asked for, and those that are missing.
    package mutating func finish() {
        var misspelt: Set<String> = []
        for member in order where !known.contains(member.name) {
            problems.reportUnknown(
                "unknown member '\(member.name)' in \(subject)",
                name: member.name,
                among: known,
                at: member.position
            )
            if let name = nearestName(to: member.name, among: known.sorted()) { misspelt.insert(name) }
        }
        self.misspelt = misspelt
        for (name, expected) in missing { reportMissing(name, expected: expected) }
        missing = []
    }
}

extension SourceMembers {
    /// The text of a member; a number or boolean is taken as it is written.
    ///
    /// Nil when absent or of another type.
    package mutating func text(_ name: String, required expected: String? = nil) -> String? {
        describe(name, as: .text, isRequired: expected != nil)
        guard let member = present(name, required: expected) else { return nil }
        switch member.node.content {
        case .scalar(.string(let text)): return text
        case .scalar(.number(let number)): return number.text
        case .scalar(.bool(let value)): return String(value)
        default:
            reportType(of: name, expected: "text", found: member.node)
            return nil
        }
    }

    /// A boolean member.
    package mutating func flag(_ name: String, default standard: Bool) -> Bool {
        describe(name, as: .flag(standard))
        guard let member = present(name) else { return standard }
        if case .scalar(.bool(let value)) = member.node.content { return value }
        let hint = ["yes": "true", "on": "true", "no": "false", "off": "false"][member.node.string?.lowercased() ?? ""]
        problems.report(
            "'\(name)' must be true or false, found \(member.node.kind)",
            at: member.node.position,
            suggestion: hint.map { "write \($0)" }
        )
        return standard
    }

    /// A whole number within limits.
    package mutating func integer(_ name: String, in range: ClosedRange<Int>, default standard: Int) -> Int {
        describe(name, as: .integer(range))
        guard let member = present(name) else { return standard }
        if let value = member.node.json.intValue, range.contains(value) { return value }
        let found = member.node.json.intValue.map(String.init) ?? member.node.kind
        problems.report(
            "'\(name)' must be a whole number from \(range.lowerBound) to \(range.upperBound), found \(found)",
            at: member.node.position
        )
        return standard
    }

    /// A duration within a limit.
    package mutating func duration(_ name: String, atMost limit: Duration, default standard: Duration) -> Duration {
        describe(name, as: .duration)
        guard let member = present(name) else { return standard }
        if let value = member.node.string.flatMap(Duration.init(projectText:)), value <= limit { return value }
        problems.report(
            "'\(name)' must be a duration of at most \(limit.projectText), like 500ms, 10s or 5m",
            at: member.node.position
        )
        return standard
    }

    /// One of a closed set of words.
    package mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String,
        default standard: Choice
    ) -> Choice {
        let words = Choice.allCases.map(\.rawValue)
        describe(name, as: .choice(words, default: standard.rawValue))
        guard let member = present(name) else { return standard }
        if let value = member.node.string.flatMap(Choice.init(rawValue:)) { return value }
        if case .scalar(.bool(let flag)) = member.node.content, let value = Choice(rawValue: String(flag)) {
            return value
        }
        let near = member.node.string.flatMap { nearestName(to: $0, among: words) }
        problems.report(
            "'\(name)' must be one of \(words.joined(separator: ", "))",
            at: member.node.position,
            suggestion: near.map { "did you mean '\($0)'?" }
        )
        return standard
    }

    /// The elements of a list; a single value counts as a list of one.
    package mutating func list(_ name: String) -> [SourceNode]? {
        describe(name, as: .list)
        let member = present(name)
        if let element = probedElement(of: name) { return [element] }
        guard let member else { return nil }
        if case .list(let nodes) = member.node.content { return nodes }
        return [member.node]
    }

    /// The members of a mapping, in order.
    package mutating func mapping(_ name: String) -> [SourceMember]? {
        describe(name, as: .mapping)
        let member = present(name)
        // A name that every kind of thing may have.
        if let node = probedElement(of: name) { return [SourceMember(name: "name", position: position, node: node)] }
        guard let member else { return nil }
        if case .mapping(let members) = member.node.content { return members }
        reportType(of: name, expected: "a mapping (name: value)", found: member.node)
        return nil
    }

    /// The member when it is there and not null; with `required`, its absence is reported.
    private mutating func present(_ name: String, required expected: String? = nil) -> SourceMember? {
        if let member = take(name), !member.node.isNull { return member }
        if let expected { reportMissing(name, expected: expected) }
        return nil
    }
}

/// Where the members of one thing stand, for problems that are found when the whole project is known.
package struct MemberPositions: Sendable, Hashable {
    /// Where the thing begins.
    package let start: SourcePosition
    private let members: [String: SourcePosition]

    init(start: SourcePosition, members: [String: SourcePosition]) {
        self.start = start
        self.members = members
    }

    /// Where the member's value stands, or the thing when there is no such member.
    package subscript(name: String) -> SourcePosition { members[name] ?? start }
}
