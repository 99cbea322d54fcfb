/// A variable of ours in the environment that is none of this process's settings.
package struct UnknownVariable: Hashable, Sendable {
    package let name: String
    /// The setting that was probably meant.
    package let suggestion: String?
}

extension SettingReader {
    /// What an own variable may begin with and be no setting: the projects' symbols and the tests' servers.
    private static let knownPrefixes = ["FULLSYNC_SYMBOL_", "FULLSYNC_TEST_"]

    /// The variables that begin with `FULLSYNC_` and are none of these settings.
    ///
    /// One environment often serves all processes, so an unknown variable is no error; one that is nearly a setting's
    /// name is probably a slip of the pen, and comes with that name.
    package func unknownVariables(declared: [any SettingDeclaration]) -> [UnknownVariable] {
        let known = Set(
            (declared + [Self.configurationFile]).flatMap { [$0.variable, $0.fileVariable].compactMap(\.self) }
        )
        return ownVariables.compactMap { name in
            guard !known.contains(name), !Self.knownPrefixes.contains(where: name.hasPrefix) else { return nil }
            let nearest = known.map { ($0, editDistance(name, $0)) }.min { ($0.1, $0.0) < ($1.1, $1.0) }
            return UnknownVariable(name: name, suggestion: nearest.flatMap { $0.1 <= 2 ? $0.0 : nil })
        }
    }
}

/// How many characters must be put in, taken out or changed to make one text of the other (Levenshtein).
func editDistance(_ from: String, _ to: String) -> Int {
    let target = Array(to.utf8)
    var row = Array(0...target.count)
    for (index, character) in from.utf8.enumerated() {
        var diagonal = row[0]
        row[0] = index + 1
        for column in target.indices {
            let substitution = diagonal + (target[column] == character ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(substitution, diagonal + 1, row[column] + 1)
        }
    }
    return row[target.count]
}
