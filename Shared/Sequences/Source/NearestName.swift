/// The name that a misspelt one most likely stood for, or nil when none is near.
///
/// Near means at most a third of the letters differ, by Damerau and Levenshtein's distance (a letter inserted, left
/// out, replaced, or two neighbours exchanged); upper and lower case count as the same.
package func nearestName(to name: String, among known: some Sequence<String>) -> String? {
    let wanted = Array(name.lowercased().unicodeScalars.prefix(100))
    var best: (name: String, distance: Int)?
    for candidate in known {
        let letters = Array(candidate.lowercased().unicodeScalars.prefix(100))
        let allowed = max(1, max(wanted.count, letters.count) / 3)
        let distance = editDistance(wanted, letters)
        if distance <= allowed, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.name
}

/// The number of edits between two texts, counting an exchange of neighbours as one.
func editDistance(_ first: [Unicode.Scalar], _ second: [Unicode.Scalar]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...second.count)
    for (row, letter) in first.enumerated() {
        var current = [row + 1]
        current.reserveCapacity(second.count + 1)
        for (column, other) in second.enumerated() {
            var cost = min(last[column] + (letter == other ? 0 : 1), last[column + 1] + 1, current[column] + 1)
            if row > 0, column > 0, letter == second[column - 1], first[row - 1] == other {
                cost = min(cost, beforeLast[column - 1] + 1)
            }
            current.append(cost)
        }
        (beforeLast, last) = (last, current)
    }
    return last[second.count]
}
