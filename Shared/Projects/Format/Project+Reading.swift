package import Sequences

/// All that is wrong with a project, one line each.
package struct ProjectProblems: Error, Sendable, CustomStringConvertible {
    /// The problems in the order of file, line and column; at least one.
    package let problems: [ProjectProblem]

    package var description: String { problems.map(\.description).joined(separator: "\n") }
}

extension Project {
    /// Reads and checks a project.
    ///
    /// - Parameters:
    ///   - files: The texts of its files by path, relative to the project's folder, with `/` between folders.
    ///   - limits: How large the project may be.
    ///   - lookup: The values of symbols, nil for one that is not set.
    ///   - substitute: What those are taken for that are not set and have no default; nil where that is a problem.
    /// - Returns: The project.
    /// - Throws: Everything that is wrong with it.
    package static func read(
        _ files: [String: String],
        limits: ProjectLimits = ProjectLimits(),
        symbol lookup: Symbol.Lookup,
        unset substitute: Symbol.Substitute? = nil
    ) throws(ProjectProblems) -> Project {
        let problems = ProblemCollector()
        var reader = ProjectReader(files: files, limits: limits, problems: problems)
        let project = reader.read(symbol: lookup, substitute: substitute)
        guard let project, problems.problems.isEmpty else { throw ProjectProblems(problems: problems.problems) }
        return project
    }
}
