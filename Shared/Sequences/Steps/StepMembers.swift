import JSON

/// Reads one step of a sequence: the members of its mapping, and the blocks inside.
package struct StepMembers {
    /// Where a step stands, which decides what it may be.
    package struct Surroundings: Sendable {
        /// How many blocks there are around the step.
        package var depth = 0
        /// Whether `break` and `continue` have a loop to act on.
        package var isInLoop = false
        /// Whether a `parallel` is around, within which nothing may leave the sequence or change who is authenticated.
        package var isInParallel = false
        /// Whether a `finally` is around, out of which nothing may jump.
        package var isInFinally = false

        package init() {}
    }

    /// How deep blocks may be nested.
    package static let depthLimit = 32
    /// How many steps one block may have.
    package static let blockLimit = 1_000

    package fileprivate(set) var members: SourceMembers
    package let keyword: String
    package let surroundings: Surroundings
    /// Where the step begins.
    package let position: SourcePosition

    package var problems: ProblemCollector { members.problems }

    /// The value of the step's own keyword.
    package mutating func value() -> SourceNode {
        members.take(keyword)?.node ?? SourceNode(.scalar(.null), at: position)
    }

    /// The value of another member, or nil when it is absent.
    package mutating func node(_ name: String) -> SourceNode? {
        members.take(name)?.node
    }

    /// The expression of a member that is written without `=`; nil when absent, reported when `required`.
    package mutating func expression(_ name: String, required: Bool = false) -> Script? {
        members.describe(name, as: .expression, isRequired: required)
        guard let node = node(name), !node.isNull else {
            if required {
                problems.report(
                    "'\(name)' needs an expression, like order.status == 'open'",
                    at: members.position(of: name)
                )
            }
            return nil
        }
        switch node.content {
        case .scalar(.null), .list, .mapping:
            members.reportType(of: name, expected: "an expression", found: node)
            return nil
        case .scalar(.string(let text)):
            guard text.utf8.first != UInt8(ascii: "=") else {
                problems.report(
                    "'\(name)' takes an expression without '='",
                    at: node.position,
                    suggestion: "write \(name): \(text.dropFirst().drop { $0 == " " })"
                )
                return nil
            }
            return Script(.expression, text, of: node)
        case .scalar(let value):
            return Script(.expression, value.text, of: node)
        }
    }

    /// Whether a value is an expression, where none is evaluated: that is reported.
    func refusesExpression(_ node: SourceNode, of name: String) -> Bool {
        guard node.string?.utf8.first == UInt8(ascii: "="), !problems.isDeployed else { return false }
        problems.report(
            "'\(name)' takes no expression: it is the same in every run",
            at: node.position,
            suggestion: "write the value itself"
        )
        return true
    }

    /// A member whose value may hold expressions.
    package mutating func template(_ name: String) -> Template? {
        node(name).map(Template.init)
    }

    /// The values that a call gives: a mapping of variables, or an expression that makes one.
    package mutating func arguments(_ name: String) -> Template {
        guard let node = node(name), !node.isNull else { return .literal([:]) }
        let template = Template(node)
        switch template {
        case .expression, .object, .literal(.object): return template
        default:
            members.reportType(of: name, expected: "a mapping (variable: value) or an expression", found: node)
            return .literal([:])
        }
    }

    /// The call of what the step's keyword names, with the values of `with`; a name of nothing is reported.
    mutating func call<Reference>(
        _ target: (Reference) -> StepCall.Target,
        _ reference: (String) -> Reference?,
        expected: String
    ) -> (Reference, StepCall)? {
        let node = value()
        let argumentsPosition = self.node("with")?.position ?? node.position
        let arguments = arguments("with")
        guard let reference = node.string.flatMap(reference) else {
            problems.report("'\(keyword)' must name \(expected)", at: node.position)
            return nil
        }
        let call = StepCall(
            target: target(reference),
            arguments: arguments,
            position: node.position,
            argumentsPosition: argumentsPosition
        )
        return (reference, call)
    }

    /// The call of the transaction that the step's keyword names.
    mutating func transactionCall() -> (TransactionReference, StepCall)? {
        call(StepCall.Target.transaction, TransactionReference.init, expected: "connector.transaction")
    }

    /// A name that the step gives a value to.
    package mutating func variable(_ name: String, default standard: String? = nil) -> String? {
        members.describe(name, as: .variable)
        guard let node = node(name) else { return standard }
        guard let text = node.string, Names.isVariable(text) else {
            problems.report(
                "'\(name)' must be a name that expressions can use (letters, digits, _ and $, no digit first)",
                at: node.position
            )
            return standard
        }
        return text
    }

    /// The text of a member; its absence is reported where it is required.
    package mutating func text(_ name: String, required expected: String? = nil) -> String? {
        members.text(name, required: expected)
    }

    /// Where the member's value stands, or the step when there is none.
    package func position(of name: String) -> SourcePosition { members.position(of: name) }

    /// A whole number within limits.
    package mutating func integer(_ name: String, in range: ClosedRange<Int>, default standard: Int) -> Int {
        members.integer(name, in: range, default: standard)
    }

    /// A boolean member.
    package mutating func flag(_ name: String, default standard: Bool) -> Bool {
        members.flag(name, default: standard)
    }

    /// One of a closed set of words.
    package mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String,
        default standard: Choice
    ) -> Choice {
        members.choice(name, default: standard)
    }

    /// The elements of a member's list, nil when it is absent; a single value counts as a list of one.
    package mutating func list(_ name: String) -> [SourceNode]? {
        members.list(name)
    }

    /// The texts of a member's list; empty when it is absent.
    package mutating func names(_ name: String) -> [String] {
        (members.list(name) ?? []).compactMap { node in
            guard let text = node.string else {
                members.reportType(of: name, expected: "a list of names", found: node)
                return nil
            }
            return refusesExpression(node, of: name) ? nil : text
        }
    }

    /// The steps of a member, which must be a list; nil when it is absent.
    package mutating func block(
        _ name: String,
        label: String? = nil,
        changing change: (inout Surroundings) -> Void = { _ in }
    ) -> StepBlock? {
        members.describe(name, as: .steps)
        guard let node = node(name) else { return nil }
        return block(of: node, label: label ?? name, changing: change)
    }

    /// The steps of a node inside this step.
    package func block(
        of node: SourceNode,
        label: String,
        changing change: (inout Surroundings) -> Void = { _ in }
    ) -> StepBlock {
        var inner = surroundings
        change(&inner)
        inner.depth += 1
        return StepBlock(reading: node, label: label, surroundings: inner, problems: problems)
    }

    /// Reports that a member is missing.
    package mutating func reportMissing(_ name: String, expected: String) {
        members.reportMissing(name, expected: expected)
    }
}

extension StepBlock {
    /// Reads a list of steps.
    package init(
        reading node: SourceNode,
        label: String = "",
        surroundings: StepMembers.Surroundings = .init(),
        problems: ProblemCollector
    ) {
        self.init(label: label, steps: [])
        guard case .list(let nodes) = node.content else {
            if !node.isNull { problems.report("steps must be a list, found \(node.kind)", at: node.position) }
            return
        }
        guard surroundings.depth <= StepMembers.depthLimit else {
            problems.report("steps are nested deeper than \(StepMembers.depthLimit)", at: node.position)
            return
        }
        guard nodes.count <= StepMembers.blockLimit else {
            problems.report("a block has more than \(StepMembers.blockLimit) steps", at: node.position)
            return
        }
        self.init(
            label: label,
            steps: nodes.compactMap { Step(reading: $0, surroundings: surroundings, problems: problems) }
        )
    }
}

extension Step {
    /// Has a kind of steps read that is not there, for the JSON Schema of the format.
    package static func probe(_ kind: any StepAction.Type, at position: SourcePosition, problems: ProblemCollector) {
        let node = SourceNode(.scalar(.null), at: position)
        guard let source = SourceMembers(node, subject: kind.keyword, problems: problems) else { return }
        var reader = StepMembers(
            members: source,
            keyword: kind.keyword,
            surroundings: .init(),
            position: position
        )
        _ = read(kind, &reader)
    }

    private static func read(_ kind: any StepAction.Type, _ reader: inout StepMembers) -> Step? {
        let name = reader.members.text("name")
        if let node = reader.node("name") { _ = reader.refusesExpression(node, of: "name") }
        _ = reader.members.text("comment")
        let condition = reader.expression("when")
        let action = kind.init(reading: &reader)
        reader.members.finish()
        return action.map { Step(action: $0, name: name, condition: condition, position: reader.position) }
    }

    /// Reads one step; reports what is wrong, and gives nil when it is no step at all.
    init?(reading node: SourceNode, surroundings: StepMembers.Surroundings, problems: ProblemCollector) {
        guard case .mapping(let members) = node.content else {
            problems.report("a step must be a mapping like 'set: {…}', found \(node.kind)", at: node.position)
            return nil
        }
        let keywords = members.filter { StepCatalogue.byKeyword[$0.name] != nil }
        guard let first = keywords.first, let kind = StepCatalogue.byKeyword[first.name] else {
            let name = members.first?.name ?? ""
            problems.reportUnknown(
                "unknown step '\(name)'",
                name: name,
                among: StepCatalogue.byKeyword.keys,
                at: members.first?.position ?? node.position
            )
            return nil
        }
        guard keywords.count == 1 else {
            problems.report(
                "two steps in one: '\(first.name)' and '\(keywords[1].name)'",
                at: keywords[1].position,
                suggestion: "begin each step with '-'"
            )
            return nil
        }
        guard let source = SourceMembers(node, subject: "the step '\(first.name)'", problems: problems) else {
            return nil
        }
        var reader = StepMembers(
            members: source,
            keyword: first.name,
            surroundings: surroundings,
            position: first.position
        )
        guard let step = Self.read(kind, &reader) else { return nil }
        self = step
    }
}
