package import Sequences

extension Project {
    /// What it names of other projects and what is not there, and what they have as well, for whoever knows these.
    ///
    /// Nothing that is wrong with the project itself: two that call one another are deployed one after the other, and
    /// what is missing at first may be there when it is called.
    ///
    /// - Parameter others: The other projects by name.
    package func problems(among others: [String: Project]) -> [ProjectProblem] {
        let problems = ProblemCollector()
        for database in databases.keys.sorted() {
            for (name, other) in others.sorted(by: { $0.key < $1.key }) where other.databases[database] != nil {
                problems.report(
                    "the live project '\(name)' has this database, too; its settings, and the design documents and "
                        + "indexes that both have, are as the project says that was deployed last",
                    at: SourcePosition(file: "databases/\(database)/database.yaml", line: 1, column: 1)
                )
            }
        }
        for (reference, position) in references {
            guard let name = reference.project, name != self.name else { continue }
            guard let other = others[name] else {
                problems.reportUnknown(
                    "there is no live project '\(name)'",
                    name: name,
                    among: others.keys,
                    at: position
                )
                continue
            }
            guard other.sequences[reference.sequence] == nil else { continue }
            problems.reportUnknown(
                "the live project '\(name)' has no sequence '\(reference.sequence)'",
                name: reference.sequence,
                // Of jobs sequences are made, which nobody can name.
                among: other.sequences.keys.filter(Names.isThing),
                at: position
            )
        }
        return problems.problems
    }

    /// All sequences that are named, with the places.
    private var references: [(SequenceReference, SourcePosition)] {
        let calls = sequences.values.flatMap { $0.body.allSteps.flatMap(\.action.calls) }
        var references = calls.compactMap { call -> (SequenceReference, SourcePosition)? in
            guard case .sequence(let reference) = call.target else { return nil }
            return (reference, call.position)
        }
        references += listeners.values.map { ($0.sequence, $0.positions["sequence"]) }
        references += jobs.values.map { ($0.sequence, $0.positions["sequence"]) }
        references += notifications.values.map { ($0.sequence, $0.position) }
        return references
    }
}
