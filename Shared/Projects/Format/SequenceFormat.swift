import JSON
import Sequences

extension ProjectReader {
    /// Reads `sequences/<name>.yaml`.
    func readSequence(_ name: String, file: String, project: String) -> SequenceDefinition? {
        guard var members = members(of: file, subject: "a sequence") else { return nil }
        let description = members.text("description")
        let access: SequenceDefinition.Access = members.choice("access", default: .private)
        let requiresAuthenticatedUser = members.flag("authenticated", default: false)
        let timeout = members.duration(
            "timeout",
            atMost: .seconds(86_400),
            default: SequenceDefinition.defaultTimeout
        )
        let variables = members.variables() ?? []
        let steps = members.take("steps")
        members.finish()
        guard let steps else {
            members.reportMissing("steps", expected: "a list of steps")
            return nil
        }
        refuseSymbols(in: steps.node)
        return SequenceDefinition(
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
    }
}

extension ProjectReader {
    /// The members of steps whose values are JavaScript, which is checked as such.
    private static let scriptMembers: Set<String> = ["forEach", "if", "js", "switch", "when", "while"]

    /// Reports literal texts with `${NAME}`: their author expects a value that sequences take from expressions.
    private func refuseSymbols(in node: SourceNode) {
        switch node.content {
        case .list(let nodes):
            for node in nodes { refuseSymbols(in: node) }
        case .mapping(let members):
            for member in members where !Self.scriptMembers.contains(member.name) { refuseSymbols(in: member.node) }
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
