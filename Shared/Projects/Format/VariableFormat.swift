import JSON
import Sequences

extension SourceMembers {
    /// Reads `variables: {name: {type, required, default, multi, secret, description}, …}`; nil when absent.
    mutating func variables() -> [VariableDefinition]? {
        guard let members = mapping("variables") else { return nil }
        return members.compactMap { member in
            guard Names.isVariable(member.name) else {
                problems.report(
                    "'\(member.name)' is no name that expressions can use (letters, digits, _ and $, no digit first)",
                    at: member.position
                )
                return nil
            }
            guard var reader = SourceMembers(member.node, subject: "a variable", problems: problems) else { return nil }
            var variable = VariableDefinition(name: member.name, position: member.position)
            variable.description = reader.text("description")
            variable.type = reader.choice("type", default: .any)
            variable.isRequired = reader.flag("required", default: false)
            variable.isMulti = reader.flag("multi", default: false)
            variable.isSecret = reader.flag("secret", default: false)
            if let standard = reader.take("default"), !standard.node.isNull {
                variable.setDefault(standard.node, problems: problems)
            }
            if variable.isRequired, variable.defaultValue != nil {
                problems.report(
                    "a required variable has no use for a default",
                    at: reader.position(of: "default"),
                    suggestion: "leave out one of the two"
                )
            }
            reader.finish()
            return variable
        }
    }
}

extension VariableDefinition {
    /// Takes the default, if it has the variable's type.
    fileprivate mutating func setDefault(_ node: SourceNode, problems: ProblemCollector) {
        do {
            defaultValue = try bind(node.json)
        } catch {
            problems.report("the default does not fit: \(error.message)", at: node.position)
        }
    }
}
