import JSON
import Schedules
import Sequences

extension ProjectReader {
    /// Reads `sequences/<name>.yaml`.
    func readSequence(_ name: String, file: String, project: String) -> SequenceDefinition? {
        guard var members = members(of: file, subject: "a sequence") else { return nil }
        let description = members.text("description")
        let access: SequenceDefinition.Access = members.choice("access", default: .private)
        let requiresAuthenticatedUser = members.flag("authenticated", default: false)
        let requiresSecureConnection = members.flag("secure", default: false)
        let departure: SequenceDefinition.Departure = members.choice("whenClientLeaves", default: .continue)
        let timeout = members.duration(
            "timeout",
            atMost: .seconds(86_400),
            default: SequenceDefinition.defaultTimeout
        )
        let variables = members.variables() ?? []
        let caching = readCaching(&members, variables)
        let steps = members.take("steps")
        members.describe("steps", as: .steps, isRequired: true)
        members.finish()
        guard let steps else {
            members.reportMissing("steps", expected: "a list of steps")
            return nil
        }
        refuseSymbols(in: steps.node)
        var sequence = SequenceDefinition(
            project: project,
            name: name,
            description: description,
            access: access,
            requiresAuthenticatedUser: requiresAuthenticatedUser,
            timeout: timeout,
            variables: variables,
            body: StepBlock(reading: steps.node, problems: problems),
            position: members.position
        )
        sequence.requiresSecureConnection = requiresSecureConnection
        sequence.departure = departure
        sequence.caching = caching
        return sequence
    }

    /// Reads `cache: 10m`, `cache: {for: 10m, shared: false, by: [city]}` or
    /// `cache: {until: "0 3 * * *", timeZone: Europe/Paris}`.
    private func readCaching(
        _ members: inout SourceMembers,
        _ variables: [VariableDefinition]
    ) -> SequenceDefinition.Caching? {
        guard let node = members.take("cache")?.node, !node.isNull else { return nil }
        let limit = Duration.seconds(31 * 86_400)
        if case .scalar = node.content {
            let lifetime = members.duration("cache", atMost: limit, default: .zero)
            return .init(end: .after(lifetime), isShared: false, variables: nil, position: node.position)
        }
        guard var reader = SourceMembers(node, subject: "'cache'", problems: problems) else { return nil }
        let end = readEnd(&reader, atMost: limit)
        let isShared = reader.flag("shared", default: false)
        let names = reader.list("by")?.compactMap { node -> String? in
            guard let name = node.string, variables.contains(where: { $0.name == name }) else {
                problems.reportUnknown(
                    "'by' must name variables of the sequence",
                    name: node.string ?? "",
                    among: variables.map(\.name),
                    at: node.position
                )
                return nil
            }
            return name
        }
        reader.finish()
        return end.map { .init(end: $0, isShared: isShared, variables: names, position: node.position) }
    }

    private func readEnd(
        _ members: inout SourceMembers,
        atMost limit: Duration
    ) -> SequenceDefinition.Caching.End? {
        let lifetime = members.duration("for", atMost: limit, default: .zero)
        let cron = readCron("until", &members)
        let written = members.exclusive(["for", "until"])
        if written.isEmpty {
            members.reportMissing("for", expected: "how long an answer is given again, like 10m; or 'until'")
        }
        guard written.count == 1 else { return nil }
        return members.has("for") ? .after(lifetime) : cron.map { .next($0.expression, in: $0.zone) }
    }
}

extension ProjectReader {
    /// The members of steps whose values are JavaScript, which is checked as such.
    private static let scriptMembers: Set<String> = ["forEach", "if", "js", "switch", "when", "while"]

    /// The steps whose `key` is JavaScript, too.
    private static let loops: Set<String> = ["forEach", "while"]

    /// Reports literal texts with `${NAME}`: their author expects a value that sequences take from expressions.
    private func refuseSymbols(in node: SourceNode) {
        switch node.content {
        case .list(let nodes):
            for node in nodes { refuseSymbols(in: node) }
        case .mapping(let members):
            // A variable may be called `key`, too.
            let isLoop = members.contains { Self.loops.contains($0.name) }
            for member in members where !Self.scriptMembers.contains(member.name) {
                if !isLoop || member.name != "key" { refuseSymbols(in: member.node) }
            }
        case .scalar(.string(let text)):
            guard text.utf8.first != UInt8(ascii: "="), let name = symbols.symbolMentioned(in: text) else { return }
            problems.report(
                "symbols are not replaced in sequences",
                at: node.position,
                suggestion: "use an expression: =symbols.\(name)"
            )
        case .scalar: break
        }
    }
}

extension SourceMembers {
    /// Reads the name of a sequence, of this project or as `project/sequence`.
    mutating func sequence(_ name: String = "sequence") -> SequenceReference? {
        guard let text = text(name, required: "the sequence to run") else { return nil }
        guard let reference = SequenceReference(text) else {
            problems.report("'\(name)' must name a sequence, or project/sequence", at: position(of: name))
            return nil
        }
        return reference
    }
}
