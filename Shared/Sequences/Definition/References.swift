/// A transaction of a connector, as sequences name it: `connector.transaction`.
package struct TransactionReference: Sendable, Hashable, CustomStringConvertible {
    package let connector: String
    package let transaction: String

    package init(connector: String, transaction: String) {
        self.connector = connector
        self.transaction = transaction
    }

    /// The reference that the text says, or nil when it is not `connector.transaction`.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, Names.isThing(parts[0]), Names.isThing(parts[1]) else { return nil }
        self.init(connector: parts[0], transaction: parts[1])
    }

    package var description: String { "\(connector).\(transaction)" }
}

/// A sequence, of the same project or of another: `sequence` or `project/sequence`.
package struct SequenceReference: Sendable, Hashable, CustomStringConvertible {
    /// The project, or nil for that of the file.
    package let project: String?
    package let sequence: String

    package init(project: String? = nil, sequence: String) {
        self.project = project
        self.sequence = sequence
    }

    /// The reference that the text says, or nil when it is neither form.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard let last = parts.last, parts.count <= 2, parts.allSatisfy(Names.isThing) else { return nil }
        self.init(project: parts.count == 2 ? parts[0] : nil, sequence: last)
    }

    package var description: String { (project.map { "\($0)/" } ?? "") + sequence }
}

/// What a step calls, for checks across a project.
package struct StepCall: Sendable, Hashable {
    /// What is called.
    package enum Target: Sendable, Hashable {
        case transaction(TransactionReference)
        case sequence(SequenceReference)
    }

    package let target: Target
    /// The values that the call gives as they stand, for checks of their types.
    package let arguments: Template
    package let position: SourcePosition
    package let argumentsPosition: SourcePosition

    /// The variables that the call gives, or nil when an expression makes them.
    package var variableNames: [String]? { arguments.memberNames }
}
