/// Something that is wrong in a project's files, said so that its author can go to the line and mend it.
package struct ProjectProblem: Error, Sendable, Hashable {
    /// The place; line and column are 1 when a whole file is meant.
    package let position: SourcePosition
    /// What is wrong and what was expected.
    ///
    /// Never holds a symbol's value.
    package let message: String
    /// What the author probably meant, as a sentence of its own.
    package let suggestion: String?

    package init(at position: SourcePosition, _ message: String, suggestion: String? = nil) {
        self.position = position
        self.message = message
        self.suggestion = suggestion
    }

    /// The file's path, relative to the project's folder.
    package var file: String { position.file }
    /// The line, from 1.
    package var line: Int { position.line }
    /// The column, from 1.
    package var column: Int { position.column }
}

extension ProjectProblem: CustomStringConvertible {
    package var description: String {
        "\(position): \(message)" + (suggestion.map { "; \($0)" } ?? "")
    }
}

/// Collects the problems of one reading of a project.
///
/// A reference, so that readers at every depth add to one list; it lives no longer than the reading.
package final class ProblemCollector {
    /// How many problems are kept; a file of another format altogether would otherwise give one per line.
    package static let limit = 200

    private var seen: Set<ProjectProblem> = []
    private var pardoned: Set<SourcePosition> = []
    /// What notes what is asked for, when it is no project that is read but its format.
    package let probes: SchemaProbes?

    /// Whether what is read was deployed: an earlier version found it right, and may have seen less than this one.
    ///
    /// A service runs it all the same, as it ran before. What is new to see is asked for by `fullsync check` and by the
    /// next deployment.
    package let isDeployed: Bool

    package init(probes: SchemaProbes? = nil, isDeployed: Bool = false) {
        self.probes = probes
        self.isDeployed = isDeployed
    }

    /// The problems in the order of file, line and column.
    package var problems: [ProjectProblem] {
        Array(seen).inOrder
    }

    /// Adds a problem; the same one said twice counts once.
    package func report(_ message: String, at position: SourcePosition, suggestion: String? = nil) {
        guard seen.count < Self.limit, !pardoned.contains(position) else { return }
        seen.insert(ProjectProblem(at: position, message, suggestion: suggestion))
    }

    /// Lets pass from now on what the value at that place is: another one will stand there.
    package func pardon(_ position: SourcePosition) { pardoned.insert(position) }

    /// Lets pass a value of many, too, when one of them is let pass.
    package func pardon(holder node: SourceNode?) {
        if let node, holdsPardoned(node) { pardon(node.position) }
    }

    /// Whether what stands there is let pass.
    package func isPardoned(_ position: SourcePosition) -> Bool { pardoned.contains(position) }

    private func holdsPardoned(_ node: SourceNode) -> Bool {
        switch node.content {
        case .scalar: isPardoned(node.position)
        case .list(let nodes): nodes.contains(where: holdsPardoned)
        case .mapping(let members): members.contains { holdsPardoned($0.node) }
        }
    }

    /// Adds a problem about a name that does not exist, with the nearest of the names that do.
    package func reportUnknown(_ message: String, name: String, among known: some Sequence<String>, at: SourcePosition)
    {
        let names = known.sorted()
        var suggestion = nearestName(to: name, among: names).map { "did you mean '\($0)'?" }
        if suggestion == nil, !names.isEmpty, names.count <= 12 {
            suggestion = "known are \(names.map { "'\($0)'" }.joined(separator: ", "))"
        }
        report(message, at: at, suggestion: suggestion)
    }
}

extension [ProjectProblem] {
    /// The problems in the order of file, line and column.
    package var inOrder: [ProjectProblem] {
        sorted { ($0.position, $0.message) < ($1.position, $1.message) }
    }
}
