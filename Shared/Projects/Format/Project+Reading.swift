package import JSON
package import Sequences

/// All that is wrong with a project, one line each.
package struct ProjectProblems: Error, Sendable, CustomStringConvertible {
    /// The problems in the order of file, line and column; at least one.
    package let problems: [ProjectProblem]

    package var description: String { problems.map(\.description).joined(separator: "\n") }
}

extension Project {
    /// Reads a project that was deployed, and checks it as all versions of this system have.
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
        let problems = ProblemCollector(isDeployed: true)
        let project = read(files, limits, lookup, substitute, problems)
        guard let project, problems.problems.isEmpty else { throw ProjectProblems(problems: problems.problems) }
        return project
    }

    /// Reads and checks a project, its JavaScript included.
    ///
    /// - Parameters:
    ///   - files: The texts of its files by path, relative to the project's folder, with `/` between folders.
    ///   - limits: How large the project may be.
    ///   - lookup: The values of symbols, nil for one that is not set.
    ///   - substitute: What those are taken for that are not set and have no default; nil where that is a problem.
    ///   - faults: Says of each script, in their order, what is no JavaScript about it.
    /// - Returns: The project.
    /// - Throws: `ProjectProblems` with everything that is wrong with it; what `faults` throws.
    package static func check(
        _ files: [String: String],
        limits: ProjectLimits = ProjectLimits(),
        symbol lookup: Symbol.Lookup,
        unset substitute: Symbol.Substitute? = nil,
        faults: @Sendable ([ProjectScript]) async throws -> [ProjectScript.Fault?]
    ) async throws -> Project {
        var (project, found) = examine(files, limits, lookup, substitute)
        let scripts = project?.scripts ?? []
        // Not whenever it is read: a service runs what was deployed, also when this has learned to see more.
        if let project {
            let unknown = ProblemCollector()
            project.checkModules(unknown)
            found += unknown.problems
        }
        if !scripts.isEmpty {
            let answers = try await faults(scripts)
            precondition(answers.count == scripts.count, "\(answers.count) answers about \(scripts.count) scripts")
            for (script, fault) in zip(scripts, answers) {
                if let problem = fault.map(script.problem) ?? script.shapeProblem { found.append(problem) }
            }
        }
        guard let project, found.isEmpty else { throw ProjectProblems(problems: found.inOrder) }
        return project
    }

    /// The design documents that the files declare, by database and name, whatever else may be wrong with them.
    ///
    /// - Parameters:
    ///   - files: The texts of its files by path.
    ///   - lookup: The values of symbols, which indexes may have in them; one without is empty.
    package static func designDocuments(
        in files: [String: String],
        symbol lookup: Symbol.Lookup
    ) -> [String: [String: JSONObject]] {
        let (project, _) = examine(files, ProjectLimits(), lookup, { _ in "" })
        return (project?.databases ?? [:]).mapValues(\.designDocuments)
    }

    private static func examine(
        _ files: [String: String],
        _ limits: ProjectLimits,
        _ lookup: Symbol.Lookup,
        _ substitute: Symbol.Substitute?
    ) -> (Project?, [ProjectProblem]) {
        let problems = ProblemCollector()
        let project = read(files, limits, lookup, substitute, problems)
        return (project, problems.problems)
    }

    private static func read(
        _ files: [String: String],
        _ limits: ProjectLimits,
        _ lookup: Symbol.Lookup,
        _ substitute: Symbol.Substitute?,
        _ problems: ProblemCollector
    ) -> Project? {
        var reader = ProjectReader(files: files, limits: limits, problems: problems)
        return reader.read(symbol: lookup, substitute: substitute)
    }
}
