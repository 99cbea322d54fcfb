/// Lets so many of those who ask go on at once, and the others in the order in which they asked.
///
/// All tests of a target run at once, as many as there are: what each of them takes of a shared server adds up.
package actor Turns {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// - Parameter count: How many go on at once.
    package init(_ count: Int) { free = count }

    /// Waits for a turn, whose end is ``end()``.
    package func begin() async {
        guard free == 0 else {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    /// Hands the turn on.
    package func end() {
        guard !waiting.isEmpty else {
            free += 1
            return
        }
        waiting.removeFirst().resume()
    }
}
